"""A project with PostgreSQL: sessions, outages, migrations."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from flask import Flask
from hello_api.app import create_app
from hello_api.database import options, readiness
from hello_api.extensions import Base, db
from hello_api.notes import Note
from hello_api.settings import Settings, SettingsError
from postgresql import new_database
from sqlalchemy import NullPool, create_engine, make_url, select, text
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import ServiceUnavailable

NOWHERE = "postgresql://tests:hush@/x?host=/nowhere"
NOTES = Path("src/hello_api/notes.py")
VERSIONS = Path("src/hello_api/migrations/versions")

Make = Callable[..., Flask]


@pytest.fixture
def empty() -> Iterator[str]:
    with new_database() as url:
        yield url


def flask(url: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "flask", *arguments],
        env=os.environ | {"DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def done(url: str, *arguments: str) -> str:
    ended = flask(url, *arguments)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def execute(url: str, statement: str) -> list[object]:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), poolclass=NullPool)
    with engine.begin() as connection:
        result = connection.execute(text(statement))
        return list(result.scalars()) if result.returns_rows else []


def test_a_session_in_a_view_is_rolled_back_where_the_view_raises(app: Flask) -> None:
    def broken() -> str:
        db.session.add(Note(text="never"))
        db.session.flush()
        raise RuntimeError

    app.add_url_rule("/broken", view_func=broken)
    assert app.test_client().get("/broken").status_code == 500
    with app.app_context():
        assert db.session.scalars(select(Note).where(Note.text == "never")).all() == []


def test_a_database_that_is_down_is_503_with_a_time_to_retry_and_not_ready(
    capsys: pytest.CaptureFixture[str], make: Make
) -> None:
    app = make(database_url=NOWHERE)
    response = app.test_client().get("/api/notes")

    assert (response.status_code, response.content_type) == (503, "application/problem+json")
    assert int(response.headers["Retry-After"]) > 0
    out = capsys.readouterr().out
    assert "in notes.index: " in out
    (check,) = app.extensions["readiness"]
    with pytest.raises(ServiceUnavailable, match="database does not answer"):
        check()
    assert "hush" not in response.text + out + capsys.readouterr().out


def test_a_value_that_postgresql_cannot_take_is_400(app: Flask) -> None:
    app.add_url_rule("/search", view_func=lambda: str(db.session.scalar(select(Note.id).where(Note.text == "a\x00"))))
    response = app.test_client().get("/search")

    assert (response.status_code, response.content_type) == (400, "application/problem+json")
    assert "database cannot take" in response.text


def test_a_busy_pool_is_503_and_no_reason_to_be_taken_out_of_service(make: Make) -> None:
    app = make(threads=1, database_timeout_seconds=1)
    with app.app_context(), db.engine.connect():
        assert app.test_client().get("/api/notes").status_code == 503
        app.extensions["readiness"][0]()
    assert app.test_client().get("/api/notes").status_code == 200


def test_an_answer_of_the_readiness_check_is_good_for_a_moment(environment: dict[str, str]) -> None:
    clock = 0.0
    url = make_url(environment["DATABASE_URL"]).set(drivername="postgresql+psycopg")
    engine = create_engine(url, poolclass=NullPool, **options(1))
    check = readiness(engine, now=lambda: clock)
    check()
    engine.connect = None  # type: ignore[assignment,method-assign]  # asked again, it would fail
    check()
    clock += 3
    with pytest.raises(TypeError):
        check()


def test_a_statement_that_takes_too_long_is_ended(environment: dict[str, str]) -> None:
    url = make_url(environment["DATABASE_URL"]).set(drivername="postgresql+psycopg")
    with (
        create_engine(url, poolclass=NullPool, **options(1)).connect() as connection,
        pytest.raises(OperationalError, match="statement timeout"),
    ):
        connection.execute(text("SELECT pg_sleep(600)"))


def test_requests_have_a_time_limit_and_commands_and_workers_have_none(make: Make) -> None:
    app = make(threads=1, database_timeout_seconds=1)

    def sleep() -> str:
        db.session.execute(text("SELECT pg_sleep(600)"))
        return "slept"

    def limits() -> list[str]:
        names = ("statement_timeout", "idle_in_transaction_session_timeout")
        return [str(db.session.scalar(text(f"SHOW {name}"))) for name in names]

    app.add_url_rule("/sleep", view_func=sleep)
    app.add_url_rule("/limits", view_func=limits)
    client = app.test_client()
    for _ in range(2):  # the pool has one connection, which both take
        assert client.get("/sleep").status_code == 503
        assert client.get("/limits").get_json() == ["1s", "1min"]
        with app.app_context():
            assert limits() == ["0", "0"]
            db.session.execute(text("SELECT pg_sleep(1.5)"))


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_an_address_is_taken_in_every_common_form(scheme: str) -> None:
    settings = Settings.load(database_url=f"{scheme}://user:hush@host/name")

    assert settings.database_url.get_secret_value() == "postgresql+psycopg://user:hush@host/name"
    assert "hush" not in repr(settings)


@pytest.mark.parametrize("url", [None, "", "mysql://user:hush@host/name", "hush", "postgresql://"])
def test_a_missing_or_wrong_address_is_named_and_not_shown(monkeypatch: pytest.MonkeyPatch, url: str | None) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    if url is not None:
        monkeypatch.setenv("DATABASE_URL", url)
    with pytest.raises(SettingsError, match=r"^DATABASE_URL: ") as caught:
        Settings.load()
    assert "hush" not in str(caught.value)


def test_every_constraint_of_the_example_has_a_name() -> None:
    assert [c.name for table in Base.metadata.tables.values() for c in table.constraints] == ["pk_notes"]


def test_the_migrations_make_exactly_the_tables_of_the_code_and_can_be_taken_back(empty: str) -> None:
    done(empty, "db", "upgrade")
    assert "No new upgrade operations detected" in done(empty, "db", "check")
    done(empty, "db", "downgrade", "base")
    done(empty, "db", "upgrade")


def test_pods_that_migrate_at_the_same_time_do_it_once(empty: str) -> None:
    with ThreadPoolExecutor(2) as pods:
        ended = list(pods.map(lambda _: flask(empty, "db", "upgrade"), range(2)))

    assert [pod.returncode for pod in ended] == [0, 0], ended
    assert sum("Running upgrade" in pod.stdout for pod in ended) == 1


def test_a_database_that_is_newer_than_the_code_is_left_as_it_is(empty: str) -> None:
    done(empty, "db", "upgrade")
    execute(empty, "UPDATE alembic_version SET version_num = 'of-a-later-one'")

    assert "newer than this code" in done(empty, "db", "upgrade")
    assert execute(empty, "SELECT version_num FROM alembic_version") == ["of-a-later-one"]


def test_a_migration_is_written_as_the_projects_own_checks_want_it_and_can_be_taken_back(empty: str) -> None:
    original = NOTES.read_text()
    done(empty, "db", "upgrade")
    NOTES.write_text(original.replace("text: Mapped[str]\n", "text: Mapped[str] = mapped_column(unique=True)\n", 1))
    try:
        done(empty, "db", "migrate", "-m", "texts are unique")
        (written,) = set(VERSIONS.glob("*.py")) - {VERSIONS / "0001_notes.py"}
        try:
            for tool in ("ruff check", "ruff format --check", "mypy --strict"):
                command = [sys.executable, "-m", *tool.split(), str(written)]
                ended = subprocess.run(command, capture_output=True, text=True, check=False)
                assert ended.returncode == 0, ended.stdout + ended.stderr
            done(empty, "db", "upgrade")
            done(empty, "db", "downgrade")
            done(empty, "db", "upgrade")
        finally:
            written.unlink()
    finally:
        NOTES.write_text(original)


def test_a_migration_without_its_database_ends_with_one_line_that_says_so_and_shows_no_password() -> None:
    ended = flask(NOWHERE, "db", "upgrade")

    assert ended.returncode == 1
    (line,) = (ended.stdout + ended.stderr).splitlines()
    assert "cannot connect to the database: " in json.loads(line)["message"]
    assert "hush" not in line


def test_tests_that_need_no_database_run_without_one(tmp_path: Path) -> None:
    test = Path("tests/test_pure.py")
    test.write_text("def test_pure() -> None:\n    assert 1 + 1 == 2\n")
    nothing = {"PATH": str(tmp_path), "DATABASE_URL": NOWHERE}
    try:
        ended = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", str(test)],
            env=os.environ | nothing,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        test.unlink()
    assert ended.returncode == 0, ended.stdout


def test_the_projects_tests_use_the_server_of_database_url_and_leave_nothing_there(empty: str) -> None:
    databases = "SELECT datname FROM pg_database ORDER BY 1"
    before = execute(empty, databases)
    command = [sys.executable, "-m", "pytest", "-q", "tests/test_notes.py"]
    ended = subprocess.run(
        command, env=os.environ | {"DATABASE_URL": empty}, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stdout
    assert "8 passed" in ended.stdout
    assert execute(empty, databases) == before
    assert execute(empty, "SELECT to_regclass('notes')") == [None]


def test_an_application_can_be_made_without_a_database_that_answers() -> None:
    assert create_app(Settings.load(database_url=NOWHERE)).test_client().get("/version").status_code == 200
