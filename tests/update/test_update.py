"""`template update` and `template check` without a code host: the folder stays, whatever its state, as do settings."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.documents import valid

from .conftest import Typed
from .story import START, WAYS, Story

pytestmark = pytest.mark.slow

LIB = START["ci/lib.sh"]
THEIRS, OURS = LIB.replace("line 3", "theirs"), LIB.replace("line 3", "ours")
BRANCH = "gitops-flask/update"


def test_the_update_is_on_a_branch_and_nothing_else_changes_in_whatever_state_the_folder_is(
    story: Story, typed: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Changed, staged and new files, a detached head, hooks that refuse all, a signature that nobody can make."""
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for name in (
        "pre-commit",
        "commit-msg",
        "post-checkout",
        "reference-transaction",
        "pre-merge-commit",
        "post-merge",
    ):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >>{tmp_path}/ran\nexit 1\n")
        (hooks / name).chmod(0o755)
    story.git("switch", "--quiet", "--detach")
    (tmp_path / "gitconfig").write_text(
        f"[core]\nhooksPath = {hooks}\nautocrlf = true\n[commit]\ngpgSign = true\n[gpg]\nprogram = false\n"
        "[merge]\nff = only\nverifySignatures = true\nconflictStyle = diff3\n[user]\nuseConfigOnly = true\n"
    )
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    (story.project / "ci/test").write_text("staged\n")
    subprocess.run(["git", "add", "ci/test"], cwd=story.project, check=True)
    (story.project / "ci/lib.sh").write_text("changed\n")
    (story.project / "new").write_text("new\n")
    ask = ["git", "status", "--porcelain=v2", "--branch"]
    before = subprocess.check_output(ask, cwd=story.project)
    story.release("2.0.0", {"ci/lib.sh": THEIRS})

    done = typed(story.project, "update")

    assert f"It is on the branch {BRANCH}: git switch {BRANCH}, merge it." in done.out
    assert subprocess.check_output(ask, cwd=story.project) == before
    assert not (tmp_path / "ran").exists()
    assert story.git("show", f"{BRANCH}:ci/lib.sh") + "\n" == THEIRS
    assert story.git("rev-parse", f"{BRANCH}^") == story.git("rev-parse", "main")
    assert story.git("log", "-1", "--format=%an", BRANCH) == "gitops-flask"


def test_the_templates_branch_begins_at_the_first_commit_and_has_the_renders_alone(story: Story, typed: Typed) -> None:
    story.work({"ci/lib.sh": OURS})
    story.release("2.0.0", {"ci/lib.sh": THEIRS})
    typed(story.project, "update")

    first = story.git("rev-list", "--max-parents=0", "main")
    assert story.git("rev-parse", "gitops-flask/template^") == first
    assert story.git("show", "gitops-flask/template:ci/lib.sh") + "\n" == THEIRS
    assert "[skip ci]" in story.git("log", "-1", "--format=%s", "gitops-flask/template")
    record = story.git("show", f"{BRANCH}:.gitops-flask.yaml")
    assert f'commit: "{story.git("rev-parse", "gitops-flask/template")}"' in record.splitlines()


def test_conflicts_are_listed_and_taken_back_by_one_command(story: Story, typed: Typed) -> None:
    story.work({"ci/lib.sh": OURS})
    story.release("2.0.0", {"ci/lib.sh": THEIRS})

    done = typed(story.project, "update")
    assert "Conflict: ci/lib.sh: changed here and in the template" in done.err
    assert "resolve the conflicts, commit, and merge it" in done.out
    assert "<<<<<<< HEAD" in story.git("show", f"{BRANCH}:ci/lib.sh")

    made = story.git("rev-parse", BRANCH)
    assert f"Deleted the branch {BRANCH} (it was {made})." in typed(story.project, "update", "--abort").out
    assert BRANCH not in story.git("branch", "--list")
    assert "There is no update to take back." in typed(story.project, "update", "--abort").out


def test_a_second_update_replaces_the_first_but_not_what_people_did_on_it(story: Story, typed: Typed) -> None:
    story.release("2.0.0", {"ci/lib.sh": THEIRS})
    typed(story.project, "update")
    story.release("3.0.0", {"ci/lib.sh": THEIRS + "more\n"})
    typed(story.project, "update")
    assert story.git("show", f"{BRANCH}:ci/lib.sh") + "\n" == THEIRS + "more\n"

    story.git("switch", "--quiet", BRANCH)
    story.work({"ci/lib.sh": "resolved\n"})
    done = typed(story.project, "update", code=1)
    assert f"There is work of others on {BRANCH}" in done.err
    assert "git cannot delete" in typed(story.project, "update", "--abort", code=1).err
    assert story.text("ci/lib.sh") == "resolved\n"


# --- the record, and the base -------------------------------------------------------------------------------------


def test_the_record_is_what_cookiecutter_writes(story: Story) -> None:
    from installer.update.render import parse

    text = story.text(".gitops-flask.yaml") or ""
    record = parse(text)
    assert (record.version, record.answers) == ("1.0.0", story.answers)
    assert record.text() == text


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('project_name: "Web"', 'project_name: "Other"', "project_name differs from what the project was made with"),
        ('project_name: "Web"', 'project_name: "{{ 1 }}"', "has braces that the template would fill in"),
        ('project_name: "Web"', "project_name: [", ".gitops-flask.yaml is no YAML"),
        ('project_name: "Web"', "project_name: 1", "each answer must be text in quotes"),
        ("answers:", "answer:", ".gitops-flask.yaml has no answers"),
        ("git+https://example.com/org/", "git+https://example.com/other/", "this gitops-flask is of git+https://example.com/org"),
        ("git+https://example.com/org/", "git+https://example.com/$(id)/", "uvx --from 'git+https://example.com/$(id)/gitops-flask'"),
    ],
)  # fmt: skip
def test_a_record_that_was_edited_is_reported(story: Story, typed: Typed, old: str, new: str, said: str) -> None:
    record = story.text(".gitops-flask.yaml") or ""
    assert old in record
    story.work({".gitops-flask.yaml": record.replace(old, new)})
    story.release("2.0.0", {"ci/lib.sh": THEIRS})
    for command in ("update", "check"):
        assert said in typed(story.project, command, code=1).err
    assert story.git("branch", "--list", "gitops-flask/*") == ""


@pytest.mark.parametrize("commit", ["main", "HEAD", ""], ids=["main", "HEAD", "a commit of main"])
def test_a_commit_that_is_no_render_is_not_taken_for_one(commit: str, released: Story, typed: Typed) -> None:
    """Taken for one, it would make all that the team did a change that the template takes back."""
    named(released, "1.0.0")
    released.work({"ci/test": "ours\n", "ours": "ours\n"})
    head = f'\ncommit: "{commit or released.git("rev-parse", "main")}"\nanswers:'
    released.work({".gitops-flask.yaml": (released.text(".gitops-flask.yaml") or "").replace("\nanswers:", head)})
    typed(released.project, "update")
    assert released.git("diff", "--name-only", "main", BRANCH).split() == [".gitops-flask.yaml", "ci/lib.sh"]


def test_a_project_without_a_record_is_led_to_init(story: Story, typed: Typed) -> None:
    story.work({".gitops-flask.yaml": None})
    assert "gitops-flask template update --init" in typed(story.project, "update", code=1).err


def test_a_project_that_was_never_committed_as_one_is_reported_by_init(story: Story, typed: Typed) -> None:
    shutil.rmtree(story.project / ".git")
    for words in (("init", "--quiet", "-b", "main"), ("add", "README.md"), ("commit", "--quiet", "-m", "Start")):
        story.git(*words)
    assert "No commit of main has gitops.yaml." in typed(story.project, "update", "--init", code=1).err


def test_init_without_the_templates_history_is_reported_and_takes_no_other_version(story: Story, typed: Typed) -> None:
    """The render at hand, taken for what the project was made from, would make all that is new the team's own."""
    story.work({".gitops-flask.yaml": None})
    story.release("2.0.0", {"ci/lib.sh": THEIRS}, {"_tool": "git+https://127.0.0.1:1/none@v2.0.0"})
    assert "git+https://127.0.0.1:1/none cannot be had" in typed(story.project, "update", "--init", code=1).err
    assert story.git("branch", "--list", "gitops-flask/*") == ""


def test_an_older_template_is_refused(story: Story, typed: Typed) -> None:
    story.release("0.9.0", {"ci/lib.sh": THEIRS})
    done = typed(story.project, "update", code=1)
    assert "made by 1.0.0, and the template at hand is 0.9.0" in done.err


def test_an_address_with_git_at_its_end_is_the_same_template(story: Story, typed: Typed) -> None:
    record = story.text(".gitops-flask.yaml") or ""
    story.work({".gitops-flask.yaml": record.replace("/gitops-flask@", "/gitops-flask.git@")})
    assert "Current" in typed(story.project, "check").out


def test_an_older_commit_of_the_same_version_is_refused(released: Story, typed: Typed) -> None:
    """What uvx keeps of a template is not the newest; it would take back what the project has."""
    address = f"git+{released.template.resolve().as_uri()}"
    commits = {}
    for name in ("older", "newer"):
        released.release("3.0.0", {"ci/lib.sh": LIB.replace("line 3", f"of the {name}")})
        commits[name] = committed(released.template, f"3.0.0-{name}")
    named(released, "3.0.0")
    (released.project / "ci/lib.sh").write_text(LIB.replace("line 3", "of the newer"))
    record = (released.text(".gitops-flask.yaml") or "").replace("@v3.0.0", f"@{commits['newer']}")
    released.work({".gitops-flask.yaml": record})
    subprocess.run(["git", "checkout", "--quiet", commits["older"]], cwd=released.template, check=True)

    done = typed(released.project, "update", code=1)
    assert (
        f"by {commits['newer'][:12]} of the template, and the one at hand is older: {commits['older'][:12]}" in done.err
    )
    assert f"uvx --refresh --from {address} gitops-flask template update" in done.err
    subprocess.run(["git", "checkout", "--quiet", commits["newer"]], cwd=released.template, check=True)
    assert "Nothing to update" in typed(released.project, "update").out


def test_a_current_project_says_so(story: Story, typed: Typed) -> None:
    assert "Nothing to update" in typed(story.project, "update").out
    assert "Current" in typed(story.project, "check").out
    assert valid("template", typed(story.project, "check", "--json").out)["current"] is True
    assert story.git("branch", "--list", "gitops-flask/*") == ""


def test_check_says_what_is_new_for_people_and_for_programs(story: Story, typed: Typed) -> None:
    story.release("1.1.0", {"ci/lib.sh": THEIRS})
    (story.template / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n## [1.1.0] - 2026-01-02\n\n### Fixed\n\n- The library.\n\n"
        "## [1.0.0] - 2026-01-01\n\n- All.\n"
    )
    shown = typed(story.project, "check", code=3).out
    assert "Behind: made by 1.0.0; 1.1.0 changes 1 file" in shown
    assert "- The library." in shown
    assert "- All." not in shown
    document = valid("template", typed(story.project, "check", "--json", code=3).out)
    assert (document["current"], document["version"], document["newest"]) == (False, "1.0.0", "1.1.0")
    assert document["files"] == ["ci/lib.sh"]
    assert story.git("branch", "--list", "gitops-flask/*") == ""


# --- other versions, from git -------------------------------------------------------------------------------------


def committed(template: Path, version: str) -> str:
    """Commit a template and tag it; return the commit."""
    for words in ("init --quiet", "add --all", f"commit --quiet -m {version}", f"tag v{version}"):
        who = ["-c", "user.name=x", "-c", "user.email=x@x"]
        subprocess.run(["git", *who, *words.split()], cwd=template, check=True)
    return subprocess.check_output(["git", "rev-parse", "HEAD"], cwd=template, text=True).strip()


@pytest.fixture
def released(story: Story) -> Story:
    """The template's history in git: 1.0.0, 2.0.0 and 3.0.0, by which the project names it."""
    address = f"git+{story.template.resolve().as_uri()}"
    for version in ("1.0.0", "2.0.0", "3.0.0"):
        lines = LIB.replace("line 3", f"of {version}")
        story.release(version, {"ci/lib.sh": lines}, {"_tool": f"{address}@v{version}"})
        for words in (
            ["init", "--quiet"],
            ["add", "--all"],
            ["commit", "--quiet", "-m", version],
            ["tag", f"v{version}"],
        ):
            who = ["-c", "user.name=x", "-c", "user.email=x@x"]
            subprocess.run(["git", *who, *words], cwd=story.template, check=True)
    return story


def named(story: Story, version: str, *amend: str) -> None:
    """Let the project be one of a version of that template, in one commit."""
    (story.project / "ci/lib.sh").write_text(LIB.replace("line 3", f"of {version}"))
    record = (story.text(".gitops-flask.yaml") or "").replace('version: "1.0.0"', f'version: "{version}"')
    address = f"git+{story.template.resolve().as_uri()}"
    record = record.replace("git+https://example.com/org/gitops-flask@v1.0.0", f"{address}@v{version}")
    (story.project / ".gitops-flask.yaml").write_text(record)
    story.git("add", "--all")
    story.git("commit", "--quiet", "--amend", "--no-edit", *amend)


def test_a_base_that_is_lost_is_rendered_again_from_the_recorded_version(released: Story, typed: Typed) -> None:
    """The first commit was amended, and so it is no render any more."""
    (released.project / "ci/test").write_text("ours\n")
    named(released, "1.0.0")
    typed(released.project, "update")
    assert released.git("show", f"{BRANCH}:ci/lib.sh") + "\n" == LIB.replace("line 3", "of 3.0.0")
    assert released.git("show", f"{BRANCH}:ci/test") == "ours"


def test_another_version_and_another_address_are_rendered_where_they_are_named(released: Story, typed: Typed) -> None:
    named(released, "1.0.0")
    typed(released.project, "update", "--to", "2.0.0")
    assert released.git("show", f"{BRANCH}:ci/lib.sh") + "\n" == LIB.replace("line 3", "of 2.0.0")

    fork = released.root / "fork"
    shutil.copytree(released.template, fork)
    (fork / "{{cookiecutter.project_slug}}/ci/lib.sh").write_text(LIB.replace("line 3", "of a fork"))
    typed(released.project, "update", "--template", str(fork))
    assert released.git("show", f"{BRANCH}:ci/lib.sh") + "\n" == LIB.replace("line 3", "of a fork")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--to", "9.9.9"], "cannot be had"),
        (["--template", "git+https://127.0.0.1:1/none"], "cannot be had"),
        (["--template", "/nowhere"], "is no template"),
        (["--set", "project_slug=other"], "project_slug cannot be changed"),
        (["--set", "nonsense=1"], "nonsense: is not a question"),
        (["--init"], "has a .gitops-flask.yaml already"),
    ],
)
def test_what_cannot_be_is_reported_and_changes_nothing(
    released: Story, typed: Typed, options: list[str], said: str
) -> None:
    named(released, "1.0.0")
    assert said in typed(released.project, "update", *options, code=1).err
    assert released.git("branch", "--list", "gitops-flask/*") == ""


def test_init_finds_the_version_that_a_project_was_made_by(released: Story, typed: Typed) -> None:
    named(released, "2.0.0")
    (released.project / ".gitops-flask.yaml").unlink()
    released.git("add", "--all")
    released.git("commit", "--quiet", "--amend", "--no-edit")
    released.work({"ci/lib.sh": LIB.replace("line 3", "of 2.0.0").replace("line 9", "ours")})

    done = typed(released.project, "update", "--init")

    assert "The template changed 1 files since 2.0.0." in done.out
    merged = LIB.replace("line 3", "of 3.0.0").replace("line 9", "ours")
    assert released.git("show", f"{BRANCH}:ci/lib.sh") + "\n" == merged
    assert 'version: "3.0.0"' in released.git("show", f"{BRANCH}:.gitops-flask.yaml")
    released.git("merge", "--quiet", "--squash", BRANCH)
    released.git("commit", "--quiet", "-m", "Update")
    assert "Current" in typed(released.project, "check").out


def test_a_shallow_clone_gets_the_render_that_it_lacks(story: Story, typed: Typed, tmp_path: Path) -> None:
    story.work({"ci/lib.sh": OURS.replace("line 9", "more")})
    story.release("2.0.0", {"ci/test": "#!/bin/sh\nother\n"})
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", story.project.as_uri(), str(clone)], check=True)
    typed(clone, "update")
    show = ["git", "show", f"{BRANCH}:ci/test"]
    assert subprocess.check_output(show, cwd=clone, text=True) == "#!/bin/sh\nother\n"


# --- answers, the lock file, cruft --------------------------------------------------------------------------------


def test_an_answer_is_changed_by_the_same_merge_and_what_followed_from_it_follows(story: Story, typed: Typed) -> None:
    questions = {"scm": ["github", "gitlab"], "host": "{{ cookiecutter.scm }}.com", "owner": "acme",
                 "account": "{{ cookiecutter.owner | lower }}"}  # fmt: skip
    story.release("2.0.0", {"all": "{{ cookiecutter.host }} {{ cookiecutter.account }}\n"}, questions)
    story.update("squash")
    assert story.text("all") == "github.com acme\n"

    done = typed(story.project, "update", "--set", "scm=gitlab", "--set", "owner=Octo")
    assert story.git("show", f"{BRANCH}:all") == "gitlab.com octo"
    assert "- host: gitlab.com, before github.com" in done.out
    assert "scm: 'svn' cannot be used" in typed(story.project, "update", "--set", "scm=svn", code=1).err


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("{{cookiecutter.project_slug}}/ci/lib.sh", "{{ cookiecutter.nothing }}", "has no attribute 'nothing'"),
        ("{{cookiecutter.project_slug}}/ci/lib.sh", "one\n{% if %}", "ci/lib.sh, line 2: Expected an expression"),
        ("hooks/pre_gen_project.py", "import sys; sys.exit('no such registry')", "no such registry"),
        ("hooks/pre_gen_project.py", "import time; time.sleep(600)", "Does one of its hooks wait for something?"),
        ("cookiecutter.json", "[]", "its cookiecutter.json has no questions"),
    ],
    ids=["a variable", "syntax", "a hook that fails", "a hook that hangs", "questions"],
)
def test_what_is_wrong_with_a_template_is_said_in_a_few_words(
    story: Story, typed: Typed, monkeypatch: pytest.MonkeyPatch, file: str, text: str, said: str
) -> None:
    monkeypatch.setattr("installer.update.render._LONGEST", 600 if "sys" in text or "ci" in file else 5)
    story.release("2.0.0", {"ci/lib.sh": THEIRS})
    (story.template / file).parent.mkdir(exist_ok=True)
    (story.template / file).write_text(text)
    done = typed(story.project, "update", code=1)
    assert said in done.err
    assert "Traceback" not in done.err
    assert story.git("branch", "--list", "gitops-flask/*") == ""


def test_a_choice_that_is_none_any_more_is_reported(story: Story, typed: Typed) -> None:
    story.release("2.0.0", {"scm": "{{ cookiecutter.scm }}\n"}, {"scm": ["github", "gitlab"]})
    story.update("squash", scm="gitlab")
    story.release("3.0.0", {}, {"scm": ["github", "forgejo"]})
    assert "gitops-flask template update --set scm=github|forgejo" in typed(story.project, "update", code=1).err


PYPROJECT = '[project]\nname = "web"\nversion = "0.1.0"\nrequires-python = ">=3.9"\ndependencies = []\n\n[tool.uv]\n'


@pytest.mark.parametrize("way", WAYS)
def test_the_lock_file_is_made_again_and_never_merged(way: str, tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    lock.mkdir()

    def locked(pyproject: str) -> str:
        (lock / "pyproject.toml").write_text(pyproject)
        subprocess.run(["uv", "lock", "--quiet", "--offline"], cwd=lock, check=True)
        return (lock / "uv.lock").read_text()

    def with_(version: str, python: str) -> str:
        return PYPROJECT.replace("0.1.0", version).replace("3.9", python)

    story = Story(tmp_path / "story", {**START, "pyproject.toml": PYPROJECT, "uv.lock": locked(PYPROJECT)})
    ours = with_("0.2.0", "3.9")
    story.work({"pyproject.toml": ours, "uv.lock": locked(ours)})
    theirs = with_("0.1.0", "3.10")
    story.release("2.0.0", {"pyproject.toml": theirs, "uv.lock": locked(theirs)})
    for version, python in (("0.2.0", "3.10"), ("0.2.0", "3.11")):
        made = story.update(way)
        assert not [line for line in (*made.merged.conflicts, *made.merged.notes) if "pins moved" not in line]
        assert story.text("pyproject.toml") == with_(version, python)
        assert story.text("uv.lock") == locked(with_(version, python))
        theirs = with_("0.1.0", "3.11")
        story.release("3.0.0", {"pyproject.toml": theirs, "uv.lock": locked(theirs)})


@pytest.mark.parametrize("known", [True, False], ids=["its commit known", "its commit not known"])
def test_cruft_goes_on(story: Story, typed: Typed, known: bool) -> None:
    cruft = {"template": f"{story.project}/../template", "commit": "old", "checkout": None,
             "context": {"cookiecutter": {"project_name": "Web"}}}  # fmt: skip
    story.work({".cruft.json": json.dumps(cruft)})
    story.release("2.0.0", {"ci/lib.sh": THEIRS})
    if not known:
        done = typed(story.project, "update", code=1)
        assert "Update with cruft: cruft update" in done.err
        assert story.git("branch", "--list", "gitops-flask/*") == ""
        return
    head = committed(story.template, "2.0.0")
    typed(story.project, "update")
    assert json.loads(story.git("show", f"{BRANCH}:.cruft.json")) == {**cruft, "commit": head}


def test_no_secret_is_lent_to_the_templates_code(story: Story, typed: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGISTRY_TOKEN", "s3cr3t")
    hooks = story.template / "hooks"
    hooks.mkdir()
    (hooks / "post_gen_project.py").write_text("import os; open('seen', 'w').write(' '.join(os.environ))\n")
    story.release("2.0.0", {"ci/lib.sh": THEIRS})
    typed(story.project, "update")
    seen = story.git("show", f"{BRANCH}:seen").split()
    assert "PATH" in seen
    assert "REGISTRY_TOKEN" not in seen


def test_a_template_that_cannot_be_rendered_is_reported_in_its_own_words(story: Story, typed: Typed) -> None:
    hooks = story.template / "hooks"
    hooks.mkdir()
    (hooks / "pre_gen_project.py").write_text("import sys; sys.exit('the name is too short')\n")
    story.release("2.0.0", {"ci/lib.sh": THEIRS})
    done = typed(story.project, "update", code=1)
    assert "the name is too short" in done.err
    assert "Traceback" not in done.err
