"""Flask extensions, which create_app initializes."""
{% if cookiecutter.__database %}
from pathlib import Path

from flask_migrate import Migrate
from flask_sqlalchemy import SQLAlchemy
{%- endif %}
from spectree import Response
{%- if cookiecutter.__database %}
from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase
{%- endif %}

from .openapi import OpenAPI

__all__ = ["Response", {% if cookiecutter.__database %}"db", "migrate", {% endif %}"openapi"]

openapi = OpenAPI("{{ cookiecutter.project_slug }}")
{%- if cookiecutter.__database %}

# Every constraint has a name, so that a migration can drop it.
NAMES = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base class of all tables. (`db.Model` works as well, but not for mypy.)"""

    metadata = MetaData(naming_convention=NAMES)


db = SQLAlchemy(model_class=Base)
MIGRATIONS = str(Path(__file__).with_name("migrations"))
migrate = Migrate(directory=MIGRATIONS, compare_server_default=True, render_as_batch=False)
{%- endif %}
