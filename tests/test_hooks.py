import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from installer.config import forms, settings_file
from installer.config.settings_file import parse
from installer.support.errors import InstallerError
from tests.conftest import PROJECT, ROOT, BakedProject, CommandLine
from tests.installer.gitops_yaml import OPEN_TO_ALL, tree

FAKE_INSTALLER = """
import json, os, pathlib
from ..support.resume_command import this_run

def mode_from_environment():
    return os.environ.get("GITOPS_FLASK_INSTALL", "ask")

def prompt_to_deploy(project, mode):
    said = {"project": str(project), "origin": this_run.template, "mode": mode}
    pathlib.Path(os.environ["SAID"]).write_text(json.dumps(said))
    exec(compile(os.environ.get("THEN", ""), "then", "exec"))
"""


@dataclass(frozen=True)
class Template:
    """The template with an installer that writes down how it was called."""

    path: Path
    said: Path

    def called_with(self) -> dict[str, Any] | None:
        return json.loads(self.said.read_text()) if self.said.exists() else None


@pytest.fixture
def fake(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Template:
    copy = tmp_path / "gitops-flask"
    shutil.copytree(template, copy)
    (copy / "installer/commands/after_generation.py").write_text(FAKE_INSTALLER)
    monkeypatch.setenv("SAID", str(tmp_path / "said.json"))
    return Template(copy, tmp_path / "said.json")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "out"
    folder.mkdir()
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def committed(folder: Path) -> None:
    """Make a folder a repository with all its files in one commit."""
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "add", "--all")
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b.c", "commit", "--quiet", "--message", "one")


class TestAnswers:
    @pytest.mark.parametrize(
        ("answer", "message"),
        [
            ("project_name= ", "project_name: ' ' cannot be used"),
            ("project_name=a\nb", "project_name: 'a\\nb' has a line break"),
            ("project_slug=Web_API", "project_slug: 'Web_API' cannot be used"),
            ("project_slug=1st", "project_slug: '1st' cannot be used"),
            ("project_slug=a--b", "project_slug: 'a--b' cannot be used"),
            (f"project_slug={'a' * 37}", "has 37 characters, 36 are possible"),
            ("project_slug=class", "Python knows 'class' as something else. Write a longer name: class-api"),
            ("project_slug=json", "Python knows 'json'"),
            ("project_slug=flask", "Python knows 'flask'"),
            ("project_slug=pydantic-core", "Python knows 'pydantic_core'"),
            *((f"project_slug={word}", f"Python knows '{word}'") for word in ("test", "migrations", "conftest")),
            *((f"project_slug={word}", f"YAML knows '{word}'") for word in ("null", "yes", "off", "y", "no", "n")),
            *((f"project_slug={word}", f"{word}-api") for word in ("true", "false", "on")),
            ("description=a\tb", "description: 'a\\tb' has a line break"),
            ("owner=https://github.com/acme", "owner: 'https://github.com/acme' cannot be used"),
            ("host=https://github.com", "host: 'https://github.com' cannot be used"),
            ("scm=bitbucket", "scm: 'bitbucket' cannot be used. Write github or gitlab."),
            (
                "ci=jenkins",
                "ci: 'jenkins' cannot be used. Write github-actions or gitlab-ci or circleci or travis-ci.",
            ),
            ("ci=gitlab-ci", "ci: 'gitlab-ci' builds for gitlab, not for github. Write github-actions or circleci"),
            ("scm=gitlab", "ci: 'github-actions' builds for github, not for gitlab. Write gitlab-ci."),
            ("registry=docker.io/acme", "registry: 'docker.io/acme' cannot be used"),
            ("registry=docker.io:99999", "registry: there is no port 99999. Write one from 1 to 65535, or none."),
            ("registry=docker.io:0", "registry: there is no port 0."),
            ("registry_account=acme/web", "registry_account: Docker Hub has no folders, as in 'acme/web'."),
            ("registry_account=Acme", "registry_account: 'Acme' cannot be used"),
            ("namespace=Web", "namespace: 'Web' cannot be used"),
            (f"namespace={'a' * 64}", "has 64 characters, 63 are possible"),
            ("namespace=default", "namespace: 'default' belongs to the cluster. Write one of your own: hello-api-dev"),
            *((f"namespace={each}", f"namespace: '{each}' belongs to the cluster") for each in OPEN_TO_ALL),
        ],
    )
    def test_an_answer_that_cannot_be_used_is_named_with_its_fix(
        self, tmp_path: Path, answer: str, message: str
    ) -> None:
        field, _, value = answer.partition("=")
        ended = check_answers(tmp_path, **{field: value})

        assert ended.returncode == 1
        assert message in ended.stderr

    def test_all_wrong_answers_are_reported_at_once_and_nothing_is_written(
        self, template: Path, out: Path, command_line: CommandLine
    ) -> None:
        ended = command_line(out, str(template), "project_slug=x_y", "namespace=default", "registry_account=A")

        assert ended.returncode == 1
        assert {line.split(":")[0] for line in ended.stderr.splitlines() if line.startswith("- ")} == {
            "- project_slug",
            "- namespace",
            "- registry_account",
        }
        assert ended.stdout == "Hook script failed (exit status: 1)\n", "nothing of cookiecutter's own code"
        assert "Traceback" not in ended.stderr
        assert list(out.iterdir()) == []

    def test_the_command_that_is_printed_asks_again_and_keeps_the_other_answers(
        self, template: Path, out: Path, command_line: CommandLine
    ) -> None:
        given = ["project_name=It's ours", "project_slug=x_y", "owner=octo", "--output-dir", str(out / "deeper")]
        ended = command_line(out, *given[-2:], str(template), *given[:-2])
        again = shlex.split(ended.stderr.splitlines()[-1])
        assert again[:4] == ["cookiecutter", "--output-dir", str(out / "deeper"), str(template)]
        assert not [word for word in again if word.startswith(("project_slug=", "namespace=", "_"))], "both were wrong"
        command_line(out, *again[1:], check=True)
        written = (out / "deeper/it-s-ours/gitops.yaml").read_text()
        assert 'name: "It\'s ours"' in written
        assert 'owner: "octo"' in written

    def test_no_project_can_be_called_like_one_of_its_dependencies(
        self, project: BakedProject, project_with_database: BakedProject
    ) -> None:
        locked = project.toml("uv.lock")["package"] + project_with_database.toml("uv.lock")["package"]
        packages = {package["name"] for package in locked} - {project.slug}
        taken = re.search(r"TAKEN = \((.*?)\)", (ROOT / "hooks/pre_gen_project.py").read_text(), re.DOTALL)

        assert taken
        assert packages <= set(re.findall(r"[\w-]+", taken[1]))


ANSWERS = {
    "project_name": (["Hello API", "Ünïcode", "x" * 100], ["", " ", "-", "a\nb", "a\u200bb", "x" * 101]),
    "project_slug": (["a", "web-api-2", "w" * 36], ["", "a--b", "a-", "-a", "Web", "1st", "web_api", "w" * 37]),
    "description": (["", 'Says "yes"', "x" * 350], ["a\tb", "a\nb", "x" * 351]),
    "owner": (["acme", "a-b_c", "A" * 39], ["", "-a", "a b", "acme/backend", "A" * 40]),
    "host": (
        ["github.com", "ghe.acme.internal", "h"],
        ["", "a..b", ".a", "a.", "-a", "GitHub.com", "a/b", "https://a"],
    ),
    "visibility": (["private", "public"], ["", "internal"]),
    "registry": (["docker.io", "localhost:5000"], ["", "a..b", "docker.io/acme", "r:0", "r:65536", "r:"]),
    "registry_account": (["acme", "a__b/c.d-e"], ["", "Acme", "a//b", "a/../b", "a/.", "_a", "a" * 201]),
    "namespace": (
        ["web-dev", "w" * 63],
        ["", "Web", "web_dev", "a-", "w" * 64, "kube-x", "x-system", "argocd"],
    ),
    "database": (["none", "postgresql"], ["", "mysql"]),
}
"""For each question that is also a setting: what can be used, and what cannot."""


class TestTheReaderOfGitopsYaml:
    """The hooks and the installer agree on what each answer must look like."""

    places = settings_file._FIELDS

    def test_every_question_has_a_form_and_is_tried_here(self) -> None:
        asked = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
        questions = {name for name in asked if not name.startswith("_")}
        assert questions == {*forms.FORMS, "scm", "ci"}
        assert questions - {"scm", "ci", "python_version"} == {*ANSWERS}
        assert {form for _, form in self.places.values() if isinstance(form, str)} <= questions

    @pytest.mark.parametrize("number", range(max(len(each) for pair in ANSWERS.values() for each in pair)))
    def test_what_one_refuses_the_other_refuses(self, tmp_path: Path, number: int) -> None:
        for kind, usable in enumerate((True, False)):
            answers = {name: values[kind][number % len(values[kind])] for name, values in ANSWERS.items()}
            said = check_answers(tmp_path, **answers).stderr
            named = {line.partition(":")[0].removeprefix("- ") for line in said.splitlines() if line.startswith("- ")}
            assert named == (set() if usable else {*ANSWERS}), said
            assert self.read(answers) == named, "the installer, of the same answers"

    def read(self, answers: dict[str, str]) -> set[str]:
        """Return the questions whose answers the installer refuses."""
        content = tree()
        for name, value in answers.items():
            section, _, key = SETTINGS[name].partition(".")
            content[section] = {**content[section], key: value}
        try:
            parse(content)
        except InstallerError as error:
            lines = error.message.splitlines()[1:]
            wrong = {line.strip().partition(":")[0] for line in lines}
            return {name for name, where in SETTINGS.items() if where in wrong}
        return set()


SETTINGS = {
    "project_name": "project.name",
    "project_slug": "project.slug",
    "description": "project.description",
    "owner": "github.owner",
    "host": "github.host",
    "visibility": "github.visibility",
    "registry": "registry.host",
    "registry_account": "registry.account",
    "namespace": "cluster.namespace",
    "database": "project.database",
}


def check_answers(folder: Path, **answers: str) -> "subprocess.CompletedProcess[str]":
    """Run the hook that checks the answers, on the defaults with some of them changed."""
    defaults = {
        "project_name": "Hello API",
        "project_slug": "hello-api",
        "description": "",
        "scm": "github",
        "ci": "github-actions",
        "owner": "acme",
        "host": "github.com",
        "visibility": "private",
        "registry": "docker.io",
        "registry_account": "acme",
        "python_version": "3.13",
        "database": "none",
        "namespace": "hello-api-dev",
    }
    asked = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    known = {"_only_for": asked["_only_for"], "_template": "gh:o/t", "_checkout": "v1", "_output_dir": str(folder)}
    text = (ROOT / "hooks/pre_gen_project.py").read_text(encoding="utf-8")
    script = folder / "hook.py"
    text = text.replace("{{ template }}", str(ROOT))
    script.write_text(
        text.replace("{{ cookiecutter | tojson }}", json.dumps(defaults | known | answers)), encoding="utf-8"
    )
    return subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)


@pytest.mark.slow
class TestFirstCommit:
    def test_everything_is_committed_on_main(self, project: BakedProject) -> None:
        assert git(project.path, "log", "--format=%s", "main") == "Generated"
        assert git(project.path, "status", "--porcelain") == ""
        assert set(git(project.path, "ls-files").splitlines()) == project.files()

    def test_scripts_are_committed_as_scripts(self, project: BakedProject) -> None:
        assert git(project.path, "ls-files", "--stage", "ci/deploy").startswith("100755")

    def test_git_needs_no_name(self, fake: Template, out: Path, command_line: CommandLine) -> None:
        nobody = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(out.parent)}
        guess_nothing = {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": "user.useConfigOnly",
            "GIT_CONFIG_VALUE_0": "true",
        }
        identity = dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"))
        with pytest.MonkeyPatch.context() as patch:
            for name in identity:
                patch.delenv(name, raising=False)
            command_line(out, str(fake.path), check=True, **nobody, **guess_nothing)

        assert git(out / "hello-api", "log", "--format=%an") == "gitops-flask"

    def test_a_name_that_git_knows_is_used(self, fake: Template, out: Path, command_line: CommandLine) -> None:
        command_line(out, str(fake.path), check=True, GIT_AUTHOR_NAME="Ada", GIT_COMMITTER_NAME="Ada")

        assert git(out / "hello-api", "log", "--format=%an") == "Ada"

    def test_the_users_own_ignores_leave_nothing_out(
        self, fake: Template, out: Path, tmp_path: Path, command_line: CommandLine
    ) -> None:
        (tmp_path / "ignore").write_text("*.lock\ndeploy/\n")
        (tmp_path / "gitconfig").write_text(
            f"[core]\nexcludesFile = {tmp_path}/ignore\n[user]\nname = a\nemail = a@b.c\n"
        )
        command_line(out, str(fake.path), check=True, GIT_CONFIG_GLOBAL=str(tmp_path / "gitconfig"))

        assert {"uv.lock", "deploy/dev.yaml"} <= set(git(out / "hello-api", "ls-files").splitlines())

    def test_inside_a_repository_with_commits_none_is_made(
        self, fake: Template, out: Path, command_line: CommandLine
    ) -> None:
        (out / "file").touch()
        committed(out)
        before = git(out, "rev-parse", "HEAD")
        command_line(out, str(fake.path), check=True)

        assert git(out, "rev-parse", "HEAD") == before
        assert not (out / "hello-api/.git").exists()
        assert fake.called_with()

    def test_writing_over_a_project_adds_no_commit(self, fake: Template, out: Path, command_line: CommandLine) -> None:
        command_line(out, str(fake.path), check=True)
        before = git(out / "hello-api", "rev-parse", "HEAD")
        command_line(out, "-f", str(fake.path), "description=another", check=True)

        assert git(out / "hello-api", "rev-parse", "HEAD") == before
        assert "another" in (out / "hello-api/gitops.yaml").read_text()

    def test_where_git_cannot_sign_the_first_commit_is_unsigned_and_says_why(
        self, fake: Template, out: Path, command_line: CommandLine, tmp_path: Path
    ) -> None:
        script(tmp_path / "sign", "echo 'no secret key' >&2; exit 2")
        ended = command_line(
            out, str(fake.path), **settings({"commit.gpgSign": "true", "gpg.program": "sign"}, tmp_path)
        )

        assert git(out / "hello-api", "log", "--format=%s %G?") == "Generated N"
        assert "The first commit is not signed, because git could not sign it:" in ended.stderr
        assert "gpg failed to sign the data" in ended.stderr, "all that this git says of it"
        assert fake.called_with(), "nothing else stops"

    def test_where_git_can_sign_the_first_commit_is_signed(
        self, fake: Template, out: Path, command_line: CommandLine, tmp_path: Path
    ) -> None:
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
        signing = {"commit.gpgSign": "true", "gpg.format": "ssh", "user.signingKey": f"{tmp_path}/key.pub"}
        ended = command_line(out, str(fake.path), check=True, **settings(signing, tmp_path))

        assert "-----BEGIN SSH SIGNATURE-----" in git(out / "hello-api", "cat-file", "commit", "HEAD")
        assert ended.stderr == ""

    def test_the_users_hooks_do_not_run_at_the_first_commit(
        self, fake: Template, out: Path, command_line: CommandLine, tmp_path: Path
    ) -> None:
        script(tmp_path / "hooks/pre-commit", "echo 'no ticket number'; exit 1")
        ended = command_line(out, str(fake.path), **settings({"core.hooksPath": "hooks"}, tmp_path))

        assert git(out / "hello-api", "log", "--format=%s") == "Generated"
        assert ended.stderr == ""

    def test_in_the_hook_of_another_repository_that_one_stays_as_it_is(
        self, fake: Template, out: Path, command_line: CommandLine, tmp_path: Path
    ) -> None:
        other = tmp_path / "other"
        other.mkdir()
        (other / "file").touch()
        committed(other)
        before = (git(other, "log", "--format=%H"), git(other, "status", "--porcelain"))
        led = {"GIT_DIR": other / ".git", "GIT_WORK_TREE": other, "GIT_INDEX_FILE": other / ".git/index"}
        command_line(out, str(fake.path), check=True, **{name: str(value) for name, value in led.items()})

        assert (git(other, "log", "--format=%H"), git(other, "status", "--porcelain")) == before
        assert git(out / "hello-api", "log", "--format=%s") == "Generated"

    def test_a_commit_that_fails_leaves_the_files_and_shows_gits_own_words(
        self, fake: Template, out: Path, command_line: CommandLine
    ) -> None:
        ended = command_line(out, str(fake.path), GIT_AUTHOR_DATE="never")

        assert ended.returncode == 0
        assert "There is no first commit, because git failed:\n  fatal: invalid date format: never" in ended.stderr
        assert "CalledProcessError" not in ended.stderr
        assert (out / "hello-api/gitops.yaml").exists()
        (fix,) = re.findall("Fix that, then: (.*)", ended.stderr)
        subprocess.run(fix, shell=True, check=True, cwd=out, capture_output=True)
        assert git(out / "hello-api", "log", "--format=%s") == "Generated"

    def test_a_missing_git_is_reported_with_the_page_that_has_it(
        self, fake: Template, out: Path, command_line: CommandLine
    ) -> None:
        ended = command_line(out, str(fake.path), PATH="/nonexistent")

        assert ended.returncode == 0
        assert "git is not installed" in ended.stderr
        assert "https://git-scm.com/downloads" in ended.stderr
        assert "Traceback" not in ended.stderr


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def settings(given: dict[str, str], folder: Path) -> dict[str, str]:
    """Return the environment of somebody with these settings of git's; what lies in `folder` is named as a whole."""
    environment = {"GIT_CONFIG_COUNT": str(len(given))}
    for number, (name, value) in enumerate(given.items()):
        whole = str(folder / value) if (folder / value).exists() else value
        environment |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": whole}
    return environment


@pytest.mark.slow
class TestTheOffer:
    @pytest.mark.parametrize("mode", ["yes", "no", "ask"])
    def test_the_installer_is_reported_project_and_mode(
        self, fake: Template, out: Path, command_line: CommandLine, mode: str
    ) -> None:
        command_line(out, str(fake.path), check=True, GITOPS_FLASK_INSTALL=mode)

        assert fake.called_with() == {"project": str(out / "hello-api"), "origin": str(fake.path), "mode": mode}

    def test_a_relative_template_is_reported_by_its_absolute_path(
        self, fake: Template, out: Path, command_line: CommandLine
    ) -> None:
        command_line(out, "../gitops-flask", check=True)

        assert (fake.called_with() or {})["origin"] == str(fake.path)

    def test_a_template_from_git_is_reported_by_its_address_and_tag(
        self, fake: Template, out: Path, command_line: CommandLine
    ) -> None:
        committed(fake.path)
        git(fake.path, "tag", "v1")
        command_line(out, f"file://{fake.path}", "--checkout", "v1", check=True)

        assert (fake.called_with() or {})["origin"] == f"git+file://{fake.path}@v1"

    def test_a_template_from_a_zip_is_reported_by_its_path_and_keeps_its_scripts(
        self, fake: Template, out: Path, command_line: CommandLine
    ) -> None:
        archive = shutil.make_archive(str(fake.path), "zip", fake.path.parent, fake.path.name)
        command_line(out, archive, check=True)

        assert (fake.called_with() or {})["origin"] == archive
        assert (out / "hello-api/ci/deploy").stat().st_mode & 0o111
        assert git(out / "hello-api", "ls-files", "--stage", "ci/deploy").startswith("100755")

    @pytest.mark.parametrize(
        "then", ["raise KeyboardInterrupt", "raise SystemExit(3)", "raise RuntimeError('x')", "import nowhere_at_all"]
    )
    def test_whatever_happens_the_files_stay(
        self, fake: Template, out: Path, command_line: CommandLine, then: str
    ) -> None:
        ended = command_line(out, str(fake.path), THEN=then)

        assert ended.returncode == 0
        assert f"Resume with:\n  cd hello-api && uvx --from {fake.path} gitops-flask up\n" in ended.stderr
        assert (out / "hello-api/gitops.yaml").exists()

    def test_where_gitops_flask_is_on_path_that_is_what_resumes(
        self, fake: Template, out: Path, tmp_path: Path, command_line: CommandLine
    ) -> None:
        script(tmp_path / "bin/gitops-flask", "exit 0")
        path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
        ended = command_line(out, str(fake.path), THEN="raise RuntimeError('x')", PATH=path)

        assert "Resume with:\n  cd hello-api && gitops-flask up\n" in ended.stderr

    def test_ctrl_c_while_the_installer_works_leaves_the_files(
        self, fake: Template, out: Path, command_line: CommandLine
    ) -> None:
        # the fake does what a terminal does: everybody in the foreground gets the signal
        then = "import os, signal; os.killpg(0, signal.SIGINT); signal.pause()"
        ended = command_line(out, str(fake.path), start_new_session=True, THEN=then)

        assert f"Resume with:\n  cd hello-api && uvx --from {fake.path} gitops-flask up\n" in ended.stderr
        assert (out / "hello-api/gitops.yaml").exists()

    def test_without_hooks_nothing_is_offered(self, fake: Template, out: Path, command_line: CommandLine) -> None:
        command_line(out, "--accept-hooks", "no", str(fake.path), check=True)

        assert fake.called_with() is None
        assert not (out / "hello-api/.git").exists()

    def test_under_cruft_nothing_happens_at_all(self, fake: Template, out: Path, command_line: CommandLine) -> None:
        answers = json.loads((fake.path / "cookiecutter.json").read_text())
        (fake.path / "cookiecutter.json").write_text(json.dumps(answers | {"_commit": "c0ffee"}))  # as cruft sets it
        command_line(out, str(fake.path), check=True, GITOPS_FLASK_INSTALL="yes")

        assert fake.called_with() is None
        assert not (out / "hello-api/.git").exists()

    def test_the_wheels_template_finds_the_installer_that_is_installed(
        self, fake: Template, out: Path, tmp_path: Path, command_line: CommandLine
    ) -> None:
        package = tmp_path / "site/gitops_flask"  # as hatch builds it
        shutil.move(fake.path / "installer", package)
        shutil.move(fake.path, package / "template")
        command_line(out, str(package / "template"), check=True, PYTHONPATH=str(package.parent))

        assert (fake.called_with() or {})["project"] == str(out / "hello-api")


def test_no_hook_is_long() -> None:
    assert len((ROOT / "hooks/post_gen_project.py").read_text().splitlines()) <= 60


def test_the_template_folder_is_named_as_cruft_wants_it() -> None:
    assert (ROOT / PROJECT).is_dir()
