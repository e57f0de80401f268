"""The generated project itself, checked by its own tools: needs PyPI, or uv's cache."""

import os
import re
import shutil
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.conftest import PROJECT, ROOT, Bake, BakedProject
from tests.documented import TUTORIAL, blocks

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
    environment["UV_PYTHON"] = sys.executable  # whatever .python-version says: it may be impossible to have here
    for offline in ("--offline",), ():
        ended = subprocess.run(
            ["uv", *arguments, *offline], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        if ended.returncode == 0:
            return
    if UNREACHABLE.search(ended.stderr):
        pytest.skip(f"uv cannot reach PyPI: {ended.stderr.strip().splitlines()[-1]}")
    pytest.fail(ended.stderr)


@pytest.fixture(scope="module", params=["project", pytest.param("project_with_database", marks=pytest.mark.all)])
def checkout(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    project: BakedProject = request.getfixturevalue(request.param)
    folder = tmp_path_factory.mktemp("generated") / project.slug
    shutil.copytree(project.path, folder)
    uv(folder, "lock", "--check")
    uv(folder, "sync", "--locked", "--quiet")
    return Checkout(folder)


@pytest.mark.lint
@pytest.mark.parametrize(
    "command",
    ["ruff check .", "ruff format --check .", "mypy", "pytest --cov"],
    ids=["style", "format", "types", "tests"],
)
def test_the_project_passes_its_own_checks(checkout: Checkout, command: str) -> None:
    checkout.passes(command)


@pytest.mark.slow
def test_without_the_example_the_project_still_passes(checkout: Checkout) -> None:
    section = (checkout.path / "README.md").read_text().split("## The example")[1]
    (factory,) = checkout.path.glob("src/*/app.py")
    named = [checkout.path / name for name in re.findall(r"^- `(.+)`$", section, re.MULTILINE)]
    kept = {file: file.read_bytes() for file in (*named, factory)}
    try:
        for file in named:
            file.unlink()
        lines = factory.read_text().splitlines(keepends=True)
        factory.write_text("".join(line for line in lines if not re.search(r"\b(example|notes)\b", line)))
        pure = checkout.path / "tests/test_version.py"
        kept[pure] = b""
        pure.write_text(
            "from flask.testing import FlaskClient\n\n\ndef test_version(client: FlaskClient) -> None:\n"
            '    assert client.get("/version").status_code == 200\n'
        )
        for command in ("ruff check .", "ruff format --check .", "mypy", "pytest -q"):
            checkout.passes(command)
    finally:
        for file, content in kept.items():
            file.write_bytes(content)
        pure.unlink()


SERVICE = ROOT / "tests/service"


@pytest.fixture(scope="module")
def cases(checkout: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the tests of tests/service, which import the generated service."""
    folder = tmp_path_factory.mktemp("cases")
    for file in SERVICE.glob("*.py"):
        name = "conftest.py" if file.name == "fixtures.py" else file.name
        text = file.read_text().replace("hello_api", checkout.path.name.replace("-", "_"))
        (folder / name).write_text(text.replace("hello-api", checkout.path.name))
    if not (checkout.path / "compose.yaml").exists():
        (folder / "check_database.py").unlink()
    return folder


@pytest.mark.timeout(1200)  # each is a file of tests, with timeouts of its own
@pytest.mark.parametrize(
    "check", ["api", *(pytest.param(each, marks=pytest.mark.slow) for each in ("flask", "server", "database"))]
)
def test_the_service_does_what_its_users_expect(checkout: Checkout, cases: Path, check: str) -> None:
    file = cases / f"check_{check}.py"
    if not file.exists():
        pytest.skip("this project has no database")
    checkout.passes(f"pytest -q -c {checkout.path}/pyproject.toml --rootdir {checkout.path} {file}")


FIRST_TEST = """from flask.testing import FlaskClient


def test_people_are_greeted(client: FlaskClient) -> None:
    assert client.get("/api/greetings/you").get_json() == {"text": "Hello you"}
    assert "/api/greetings/{name}" in client.get("/openapi.json").get_json()["paths"]
"""


@contextmanager
def as_the_readme_says(checkout: Checkout, module: str, first_line: str, test: str = "") -> Iterator[None]:
    """Add the README's block of Python that starts so as a module with a blueprint, which is registered; and a test."""
    readme = (checkout.path / "README.md").read_text()
    (code,) = (block for block in re.findall(r"```python\n(.+?)```", readme, re.DOTALL) if block.startswith(first_line))
    (factory,) = checkout.path.glob("src/*/app.py")
    original = factory.read_text()
    added = {factory.with_name(f"{module}.py"): code, checkout.path / f"tests/test_{module}.py": test}
    try:
        for file, text in added.items():
            file.write_text(text)
        imported = original.replace("from .extensions", f"from .{module} import bp as {module}\nfrom .extensions")
        registered = imported.replace("    return app", f"    app.register_blueprint({module})\n    return app")
        factory.write_text(registered)
        checkout.passes("ruff check --fix .")
        for command in ("ruff format --check .", "mypy"):
            checkout.passes(command)
        yield
    finally:
        factory.write_text(original)
        for file in added:
            file.unlink()


def test_the_first_endpoint_of_the_readme_works_as_it_is_written_there(checkout: Checkout) -> None:
    with as_the_readme_says(checkout, "greet", "from flask import Blueprint\nfrom pydantic", FIRST_TEST):
        checkout.passes("pytest -q tests/test_greet.py")


def test_the_change_of_the_tutorial_passes_what_a_pull_request_is_checked_for(checkout: Checkout) -> None:
    (change,) = (block for block in blocks(TUTORIAL) if "git switch" in block)
    example = next(checkout.path.glob("src/*/example.py"))
    original = example.read_text()
    assert change.splitlines()[-1] == "ci/test", "its checks are those of the project, without making its environment"
    edit = change.replace("hello_api", example.parent.name).rpartition("ci/test")[0]
    try:
        subprocess.run(["bash", "-ec", edit], cwd=checkout.path, check=True, capture_output=True)
        for command in ("ruff check .", "ruff format --check .", "mypy"):
            checkout.passes(command)
        asked = "import hello_api.app as a; print(a.create_app().test_client().get('/api/greeting').text)"
        python = [checkout.path / ".venv/bin/python", "-c", asked.replace("hello_api", example.parent.name)]
        environment = os.environ | {"DATABASE_URL": "postgresql://nobody@localhost/none"}
        answer = subprocess.run(python, cwd=checkout.path, env=environment, capture_output=True, text=True, check=True)
        assert answer.stdout.split()[-1] == '{"greeting":"hello"}'
    finally:
        example.write_text(original)
        subprocess.run(["git", "switch", "--quiet", "main"], cwd=checkout.path, check=True)


def test_the_worker_and_the_cron_job_of_the_how_to_are_commands_that_the_cluster_can_run(checkout: Checkout) -> None:
    environment = os.environ | {"DATABASE_URL": "postgresql://nobody@localhost/none"}
    with as_the_readme_says(checkout, "jobs", "import signal\nimport threading"):
        for command in re.findall(r"\(list (.+?)\)", (checkout.path / "chart/README.md").read_text()):
            flask, name = command.replace('"', "").split()
            program = [checkout.path / ".venv/bin" / flask, name]
            with subprocess.Popen(program, cwd=checkout.path, env=environment, stderr=subprocess.PIPE) as running:
                if name == "work":
                    wait_for_a_handler_of(signal.SIGTERM, running)
                    running.terminate()
                _, said = running.communicate(timeout=120)
            assert (running.returncode, said) == (0, b"")


def wait_for_a_handler_of(number: int, process: "subprocess.Popen[bytes]") -> None:
    """Wait until the process catches a signal: Linux says which it does."""
    while process.poll() is None:
        caught = re.search(r"^SigCgt:\s+(\w+)$", Path(f"/proc/{process.pid}/status").read_text(), re.MULTILINE)
        if caught and int(caught[1], 16) >> (number - 1) & 1:
            return
        time.sleep(0.05)


@pytest.mark.all
def test_an_endpoint_is_protected_by_oidc_as_the_how_to_says(project: BakedProject, tmp_path: Path) -> None:
    folder = tmp_path / project.slug
    shutil.copytree(project.path, folder)
    readme = (folder / "README.md").read_text()
    (addition,) = re.findall(r"`uv add '(pyjwt.+?)'`", readme)
    uv(folder, "add", "--no-sync", "--quiet", addition)
    uv(folder, "sync", "--quiet")
    (settings,) = folder.glob("src/*/settings.py")
    names = "".join(f"    {name}: str\n" for name in ("oidc_issuer", "oidc_audience", "oidc_jwks_url"))
    settings.write_text(settings.read_text().replace("    revision: str", f"{names}    revision: str"))
    (code,) = (block for block in re.findall(r"```python\n(.+?)```", readme, re.DOTALL) if "import jwt" in block)
    settings.with_name("auth.py").write_text(code)
    test = (SERVICE / "check_oidc.py").read_text().replace("hello_api", project.module)
    (folder / "tests/test_oidc.py").write_text(test)
    checkout = Checkout(folder)
    for command in ("ruff check src", "ruff format --check src", "mypy src", "pytest -q tests/test_oidc.py"):
        checkout.passes(command)


@pytest.mark.lint
def test_views_for_ordinary_models_are_typed_strictly(checkout: Checkout, cases: Path) -> None:
    checkout.passes(f"mypy --strict src {cases / 'check_api.py'}")


@pytest.mark.all
def test_without_the_images_python_the_tests_take_the_newest_at_hand_and_say_so(
    project: BakedProject, tmp_path: Path
) -> None:
    folder = tmp_path / project.slug
    shutil.copytree(project.path, folder)
    uv(folder, "sync", "--locked", "--quiet")
    (folder / ".python-version").write_text("3.99\n")
    environment = {name: value for name, value in os.environ.items() if name not in ("UV_PYTHON", "VIRTUAL_ENV")}
    ended = subprocess.run(["ci/test"], cwd=folder, env=environment, capture_output=True, text=True, check=False)

    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "test: Python 3.99 cannot be had here; testing with " in ended.stderr
    (export,) = re.findall("For uv run: (export UV_PYTHON=.+)", ended.stderr)
    with_it = ["bash", "-c", f"{export} && uv run --offline flask --version"]
    subprocess.run(with_it, cwd=folder, env=environment, capture_output=True, check=True)


def test_without_a_network_the_tests_do_not_blame_the_lock_file(project: BakedProject, tmp_path: Path) -> None:
    folder = tmp_path / project.slug
    shutil.copytree(project.path, folder)
    alone = {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(tmp_path / "nothing"), "UV_PYTHON": sys.executable}
    ended = subprocess.run(["ci/test"], cwd=folder, env=os.environ | alone, capture_output=True, text=True, check=False)

    assert ended.returncode == 1
    told = ended.stderr.splitlines()[-1]
    assert told.startswith("test: failed: what uv.lock names could not be installed, though it fits")


@pytest.mark.all
def test_in_a_folder_that_was_moved_the_environment_is_made_anew(project: BakedProject, tmp_path: Path) -> None:
    shutil.copytree(project.path, tmp_path / "before")
    uv(tmp_path / "before", "sync", "--locked", "--quiet")
    (tmp_path / "before").rename(tmp_path / "after")
    for made in (True, False):
        environment = os.environ | {"UV_PYTHON": sys.executable}
        ended = subprocess.run(
            ["ci/test"], cwd=tmp_path / "after", env=environment, capture_output=True, text=True, check=False
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert made == ("Creating virtual environment" in ended.stderr)


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
    assert int(operations[1]) >= 2


@pytest.mark.combinations
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
    assert "gitops_flask/support/resume_command.py" in packed
    assert not [name for name in packed if name.startswith("installer") or name.endswith(".pyc")]
