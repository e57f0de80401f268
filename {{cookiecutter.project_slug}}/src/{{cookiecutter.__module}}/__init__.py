"""The HTTP API of {{ cookiecutter.project_slug }}."""

NAME = "{{ cookiecutter.project_slug }}"
