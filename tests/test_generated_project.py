"""The generated project itself, checked by its own tools: needs PyPI, or uv's cache."""

import os
import re
import shutil
import stat
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PROJECT, ROOT, Bake, BakedProject

SERVED = ROOT / "tests/served.py"
SCHEMATHESIS = "--checks all --phases examples,coverage,fuzzing --max-examples 20 --generation-deterministic --no-color"
UNREACHABLE = re.compile(r"dns error|error sending request|connection refused|network (was )?disabled|timed out", re.I)


@dataclass(frozen=True)
class Checkout:
    """A copy of the generated project with its own locked environment."""

    path: Path

    def passes(self, command: str) -> None:
        """Run a tool of the environment, and fail with all that it said."""
        tool, *arguments = command.split()
        ended = subprocess.run(
            [self.path / ".venv/bin" / tool, *arguments], cwd=self.path, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr


def uv(folder: Path, *arguments: str) -> None:
    """Run uv, from its cache where that is enough; skip the test where PyPI cannot be reached."""
    if not shutil.which("uv"):
        pytest.skip("uv is not installed")
    environment = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
    for offline in ("--offline",), ():
        ended = subprocess.run(
            ["uv", *arguments, *offline], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if ended.returncode == 0:
            return
    if UNREACHABLE.search(ended.stderr):
        pytest.skip(f"uv cannot reach PyPI: {ended.stderr.strip().splitlines()[-1]}")
    pytest.fail(ended.stderr)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("project", marks=pytest.mark.xdist_group("generated project")),
        pytest.param(
            "project_with_database",
            marks=[pytest.mark.xdist_group("generated project with a database"), pytest.mark.all],
        ),
    ],
)
def checkout(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    project: BakedProject = request.getfixturevalue(request.param)
    folder = tmp_path_factory.mktemp("generated") / project.slug
    shutil.copytree(project.path, folder)
    uv(folder, "lock", "--check")
    uv(folder, "sync", "--locked", "--quiet")
    return Checkout(folder)


@pytest.mark.parametrize(
    "command",
    ["ruff check .", "ruff format --check .", "mypy --strict", "pytest --cov --cov-fail-under=100"],
    ids=["style", "layout", "types", "tests, which cover every line"],
)
def test_the_project_passes_its_own_checks(checkout: Checkout, command: str) -> None:
    checkout.passes(command)


@pytest.mark.slow
def test_without_the_example_the_project_still_passes(checkout: Checkout) -> None:
    section = (checkout.path / "README.md").read_text().split("## The example")[1]
    (app,) = checkout.path.glob("src/*/app.py")
    named = [checkout.path / name for name in re.findall(r"^- `(.+)`$", section, re.MULTILINE)]
    kept = {file: file.read_bytes() for file in (*named, app)}
    try:
        for file in named:
            file.unlink()
        lines = app.read_text().splitlines(keepends=True)
        app.write_text("".join(line for line in lines if not line.endswith("  # goes with the example\n")))
        for command in ("ruff check .", "ruff format --check .", "mypy", "pytest -q --deselect tests/test_server.py"):
            checkout.passes(command)
    finally:
        for file, content in kept.items():
            file.write_bytes(content)


def test_the_service_keeps_every_promise_of_its_openapi_document(checkout: Checkout) -> None:
    program = Path(sys.executable).parent / "schemathesis"
    ended = subprocess.run(
        [checkout.path / ".venv/bin/python", SERVED, program, "run", "{url}/openapi.json", *SCHEMATHESIS.split()],
        cwd=checkout.path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout + ended.stderr
    operations = re.search(r"Tested: (\d+)", ended.stdout)
    assert operations
    assert int(operations[1]) >= 4


def test_without_the_extra_the_service_runs_and_refuses_to_trace(project: BakedProject, tmp_path: Path) -> None:
    folder = tmp_path / project.slug
    shutil.copytree(project.path, folder)
    uv(folder, "sync", "--locked", "--no-dev", "--quiet")

    def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [folder / ".venv/bin/python", *arguments],
            cwd=folder,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert run("-c", "import opentelemetry").returncode == 1
    served = run(SERVED, sys.executable, "-c", "import urllib.request; urllib.request.urlopen('{url}/version')")
    assert served.returncode == 0, served.stderr
    refused = run("-m", project.module, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert refused.returncode == 1
    assert refused.stderr.startswith("cannot start: OTEL_EXPORTER_OTLP_ENDPOINT: ")


@pytest.mark.parametrize("database", ["none", "postgresql"])
@pytest.mark.parametrize("slug", ["a", "granian-but-longer", "z" * 36])
def test_the_lock_file_holds_for_any_name(bake: Bake, tmp_path: Path, slug: str, database: str) -> None:
    project = bake(project_slug=slug, database=database)
    shutil.copytree(project.path, tmp_path / slug)

    uv(tmp_path / slug, "lock", "--check")


def test_the_wheel_holds_the_template_as_it_is(template: Path, tmp_path: Path) -> None:
    uv(template, "build", "--wheel", "--quiet", "--out-dir", str(tmp_path))
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        packed = {info.filename: info for info in archive.infolist()}
        prefix = "gitops_flask/template/"
        source = [template / "cookiecutter.json", *(template / "hooks").rglob("*"), *(template / PROJECT).rglob("*")]
        for file in source:
            if file.is_file() and file.suffix != ".pyc":
                info = packed[prefix + str(file.relative_to(template))]
                assert archive.read(info) == file.read_bytes()
                assert bool(info.external_attr >> 16 & stat.S_IXUSR) == bool(file.stat().st_mode & stat.S_IXUSR)
    assert "gitops_flask/commands/template_source.py" in packed
    assert not [name for name in packed if name.startswith("installer") or name.endswith(".pyc")]
