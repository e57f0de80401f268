"""What tests of the template share: a clean copy of it, and projects baked from it."""

import fcntl
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_cookies.plugin import Cookies

from installer.support import secret

pytest_plugins = ["tests.github.fixtures", "tests.gitlab.fixtures", "tests.e2e.plugin"]

# As a shell's job in the background this process ignores Ctrl-C, under nohup a closed terminal, and so would those that
# the tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
# Without bytecode each of hundreds of programs in Python compiles its libraries: a fifth of the tests' time.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Where github.com is a stand-in of one test, no other one's uv asks it for a Python.
if "E2E_GITHUB_LISTEN" in os.environ:
    os.environ["UV_PYTHON_DOWNLOADS"] = "never"

ROOT = Path(__file__).resolve().parent.parent
PROJECT = "{{cookiecutter.project_slug}}"
TEMPLATE = ("cookiecutter.json", "hooks", "installer", "pyproject.toml", "CHANGELOG.md", "README.md", PROJECT)
GENERATED = shutil.ignore_patterns("__pycache__", "*.pyc", ".venv", ".*_cache", ".coverage*")


@pytest.fixture(autouse=True)
def secrets_of_this_test_alone() -> Iterator[None]:
    """Forget this test's secrets after it: a token named `wrong` would be blotted out of the next test's messages."""
    before = set(secret._known)
    yield
    secret._known.clear()
    secret._known.update(before)


@dataclass(frozen=True)
class BakedProject:
    """A generated project, and the answers that it was generated from."""

    path: Path
    answers: dict[str, Any]

    @property
    def slug(self) -> str:
        return str(self.answers["project_slug"])

    @property
    def module(self) -> str:
        return str(self.answers["__module"])

    def files(self) -> set[str]:
        """Return the paths of all files, without git's own."""
        found = (file.relative_to(self.path) for file in self.path.rglob("*") if file.is_file())
        return {str(file) for file in found if file.parts[0] != ".git"}

    def text(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")

    def yaml(self, name: str) -> Any:
        return yaml.safe_load(self.text(name))

    def toml(self, name: str) -> dict[str, Any]:
        return tomllib.loads(self.text(name))

    def json(self, name: str) -> Any:
        return json.loads(self.text(name))


Bake = Callable[..., BakedProject]
CommandLine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session", autouse=True)
def _on_a_machine_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is installed unless a test itself wants it, and no other run of the tests is waited for."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GITOPS_FLASK_INSTALL", "no")
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the template as a clone has it: cookiecutter copies the folder at each run, .venv and all."""
    copy = tmp_path_factory.mktemp("template") / "gitops-flask"
    copy.mkdir()
    for name in TEMPLATE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, ignore=GENERATED)
        else:
            shutil.copy2(source, copy / name)
    return copy


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all workers of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(scope="session")
def bake(template: Path, cookies_session: Cookies, shared_folder: Path) -> Bake:
    """Return a function that generates a project in this process, hooks included; once for all workers.

    Who asks for the same answers gets the same project: do not change it.
    """

    def bake(**answers: str) -> BakedProject:
        name = hashlib.sha256(json.dumps(answers, sort_keys=True).encode()).hexdigest()[:16]
        folder = shared_folder / f"baked-{name}"
        with folder.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                result = cookies_session.bake(extra_context=answers, template=str(template))
                if result.exception:
                    raise result.exception
                (result.project_path.parent / "answers.json").write_text(json.dumps(result.context))
                result.project_path.parent.rename(folder)
        context: dict[str, Any] = json.loads((folder / "answers.json").read_text())
        return BakedProject(folder / context["project_slug"], context)

    return bake


@pytest.fixture(scope="session")
def project(bake: Bake) -> BakedProject:
    """Return the project of somebody who accepts every default."""
    return bake()


@pytest.fixture(scope="session")
def project_with_database(bake: Bake) -> BakedProject:
    """Return the project of somebody who wants a database and accepts every other default."""
    return bake(database="postgresql")


@pytest.fixture
def command_line(tmp_path_factory: pytest.TempPathFactory) -> CommandLine:
    """Return a function that runs `cookiecutter --no-input …` in a folder, as a person does, without a terminal.

    Nothing of this environment is on that person's PATH.
    """
    home = tmp_path_factory.mktemp("home")
    config = home / "cookiecutter.yaml"
    config.write_text(f"cookiecutters_dir: {home}/clones\nreplay_dir: {home}/replay\n")
    folders = os.environ["PATH"].split(os.pathsep)
    path = os.pathsep.join(folder for folder in folders if not Path(folder, "gitops-flask").exists())

    def run(
        cwd: Path, *arguments: str, check: bool = False, start_new_session: bool = False, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "cookiecutter", "--no-input", "--config-file", str(config), *arguments]
        # The hooks of a template that stands on PYTHONPATH would be found before those of this one.
        usual = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        return subprocess.run(
            command,
            cwd=cwd,
            env=usual | {"PWD": str(cwd), "PATH": path} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=check,
            start_new_session=start_new_session,
            timeout=120,
        )

    return run
