"""A repository that holds only what a code host's form put there is adopted, after a question and by a merge."""

import subprocess

import pytest

from installer.forges.git import Clone
from installer.support.errors import InstallerError
from tests.documents import valid
from tests.github.git import git as on_server

from .bench import WAITS_FOR_A_RUNNER
from .gitlab_bench import Bench
from .ground import Ground
from .typed import Run

pytestmark = pytest.mark.slow

FORM = ("--add-readme", "--license", "mit", "--gitignore", "Python")
NOTE = (
    ".gitignore, LICENSE, README.md came with the repository, and this project is merged with that; this project's "
    "README.md counts (theirs stays in the history); their .gitignore, LICENSE is kept"
)


def by_form(ground: Ground, *options: str) -> None:
    """Let somebody have made the repository by GitHub's form; the project here has a README of its own."""
    subprocess.run(["gh", "repo", "create", "acme/web", "--private", *(options or FORM)], check=True)
    (ground.project / "README.md").write_text("# Ours\n")
    (ground.project / ".github/workflows").mkdir(parents=True)
    (ground.project / ".github/workflows/deploy.yml").write_text(WAITS_FOR_A_RUNNER)
    ground.git("add", ".")
    ground.git("commit", "-qm", "Ours")
    ground.github.changes.clear()


def on_main(ground: Ground, *command: str) -> str:
    return on_server(ground.github.repository("acme/web").git, *command)


def content(run: Run) -> dict[str, str]:
    """Return the plan's row about main."""
    rows = valid("plan", run("plan", "--json").stdout)["resources"]
    return next(each for each in rows if each["key"] == "initial-push")


@pytest.fixture
def until_live(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("installer.commands.up.until_live", lambda *_: None)


@pytest.mark.usefixtures("until_live")
def test_the_plan_says_what_becomes_of_the_files_that_came_with_a_repository_and_up_merges_them(
    run: Run, ground: Ground
) -> None:
    by_form(ground)
    theirs, ours = on_main(ground, "rev-parse", "main"), ground.git("rev-parse", "HEAD")
    (ground.project / "notes.txt").write_text("not committed\n")
    (ground.project / "gitops.yaml").write_text((ground.project / "gitops.yaml").read_text() + "# mine\n")
    assert (content(run)["action"], content(run)["note"]) == ("change", NOTE)
    run("plan", "--exit-code", code=3)
    found = valid("doctor", run("doctor", "--json", code=0).stdout)["findings"]
    assert not [each for each in found if "exists and holds" in each["what"]]
    refused = run("up", code=1).stderr
    assert "nobody can be asked here" in refused
    assert "--yes" in refused
    assert ground.github.changes == []
    run("up", "--yes", code=0)
    merge = on_main(ground, "rev-parse", "main")
    assert on_main(ground, "log", "-1", "--format=%P", "main") == f"{theirs} {ours}"
    assert on_main(ground, "show", "main:README.md") == "# Ours"
    assert on_main(ground, "show", "main:LICENSE").startswith("MIT License")
    assert ground.git("rev-parse", "HEAD", "origin/main") == f"{merge}\n{merge}"
    assert ground.git("symbolic-ref", "--short", "HEAD") == "main"
    assert (ground.project / "LICENSE").read_text().startswith("MIT License")
    assert ground.git("status", "--porcelain").split("\n") == ["M gitops.yaml", "?? notes.txt"], "still not committed"
    assert content(run)["action"] == "keep"
    ground.github.changes.clear()
    ground.push("main", "env/dev")
    ground.git("checkout", "--", "gitops.yaml")
    assert "Nothing to change." in run("up", "--yes", code=0).stdout
    assert ground.github.changes == []


def another_file(ground: Ground) -> None:
    ground.repository(file="app.rb")


def another_branch(ground: Ground) -> None:
    by_form(ground)
    ground.push("HEAD", "feature")


def a_tag(ground: Ground) -> None:
    by_form(ground)
    on_main(ground, "update-ref", "refs/tags/v1", "main")


def a_folder_of_that_name(ground: Ground) -> None:
    subprocess.run(["gh", "repo", "create", "acme/web", "--private"], check=True)
    tree = on_main(ground, "mktree")
    folder = on_server(ground.github.repository("acme/web").git, "mktree", stdin=f"040000 tree {tree}\tLICENSE\n")
    on_main(ground, "update-ref", "refs/heads/main", on_main(ground, "commit-tree", folder, "-m", "x"))


@pytest.mark.parametrize("make", [another_file, another_branch, a_tag, a_folder_of_that_name])
def test_a_repository_with_anything_else_in_it_is_refused_as_before(run: Run, ground: Ground, make: object) -> None:
    make(ground)  # type: ignore[operator]
    refused = run("up", "--yes", code=1).stderr
    assert "https://github.com/acme/web exists and holds something else" in refused
    assert "Choose another project_slug, or move that repository away." in refused
    run("plan", "--exit-code", code=1)


def test_one_whose_only_branch_is_master_is_adopted_once_that_is_renamed(run: Run, ground: Ground) -> None:
    by_form(ground)
    repository = ground.github.repository("acme/web")
    ground.github.hosting.rename_branch(repository, "main", "master")
    refused = run("up", "--yes", code=1).stderr
    assert "it has no branch main, its default branch is master" in refused
    assert "project_slug" not in refused
    ground.github.hosting.rename_branch(repository, "master", "main")
    assert content(run)["action"] == "change"


def test_a_license_that_is_here_but_in_no_commit_is_not_written_over(run: Run, ground: Ground) -> None:
    by_form(ground)
    (ground.project / "LICENSE").write_text("Mine\n")
    refused = run("up", "--yes", code=1).stderr
    assert "LICENSE is not committed here, and https://github.com/acme/web has another" in refused
    assert "git add LICENSE && git commit -m 'Add LICENSE' LICENSE" in refused
    assert ground.github.changes == []
    ground.git("add", "LICENSE")
    ground.git("commit", "-qm", "Add LICENSE", "LICENSE")
    assert "this project's LICENSE, README.md counts" in content(run)["note"]


@pytest.mark.usefixtures("until_live")
@pytest.mark.parametrize("changed", [False, True], ids=["", "and their README was changed meanwhile"])
def test_killed_between_the_merge_and_the_push_the_next_run_pushes_that_merge(
    run: Run, ground: Ground, monkeypatch: pytest.MonkeyPatch, *, changed: bool
) -> None:
    by_form(ground)
    theirs = on_main(ground, "rev-parse", "main")
    with monkeypatch.context() as killed:
        killed.setattr(Clone, "push", lambda *_: (_ for _ in ()).throw(InstallerError("killed", "go on")))
        run("up", "--yes", code=1)
    merge = ground.git("rev-parse", "HEAD")
    assert ground.git("log", "-1", "--format=%P").split()[0] == theirs
    assert on_main(ground, "rev-parse", "main") == theirs
    if changed:
        tree = on_main(ground, "rev-parse", "main^{tree}")
        later = on_main(ground, "commit-tree", tree, "-p", theirs, "-m", "Update README.md")
        on_main(ground, "update-ref", "refs/heads/main", later, theirs)
    assert content(run)["action"] == "change"
    run("up", "--yes", code=0)
    head = ground.git("rev-parse", "HEAD")
    assert on_main(ground, "rev-parse", "main") == head
    if changed:
        assert on_main(ground, "log", "-1", "--format=%P", "main").split() == [later, merge]
    assert changed or head == merge


# --- GitLab -----------------------------------------------------------------------------------------------------------


BUT_FOR_THE_DEPLOYMENT = (
    *("repository", "rules", "variables", "registry-token", "push-access", "initial-push", "credential"),
)


@pytest.fixture
def bench(at_gitlab: Bench) -> Bench:
    """A project that somebody made by GitLab's form, with a README, and so with a protected main."""
    gitlab = at_gitlab.gitlab
    about = {"path": "web", "name": "web", "namespace_id": gitlab.groups["acme"].id, "visibility": "private"}
    gitlab.hosting.create(gitlab.tokens[at_gitlab.token], {**about, "initialize_with_readme": True})
    return at_gitlab


def rules(bench: Bench) -> dict[str, tuple[int, int]]:
    return {name: (rule.push, rule.merge) for name, rule in bench.project.protections.items()}


def test_at_gitlab_the_protected_main_lets_the_merge_in_and_nothing_after_it(bench: Bench) -> None:
    theirs = bench.gitlab.branches(bench.project)["main"]
    assert rules(bench) == {"main": (40, 40)}
    bench.apply(*BUT_FOR_THE_DEPLOYMENT)
    head = Clone(bench.folder).head()
    assert bench.gitlab.branches(bench.project) == {"main": head}
    assert on_server(bench.project.git, "log", "-1", "--format=%P", "main").split()[0] == theirs
    assert rules(bench) == {"main": (0, 40), "env/dev": (40, 0), "gitops-flask/template": (40, 0)}
    assert (bench.folder / "README.md").exists(), "there is none of ours: theirs is kept"
    bench.gitlab.changes.clear()
    assert bench.differences() == {}


def test_at_gitlab_a_push_that_fails_leaves_main_closed_and_the_next_run_reconciles(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as killed:
        killed.setattr(Clone, "push", lambda *_: (_ for _ in ()).throw(InstallerError("killed", "go on")))
        with pytest.raises(InstallerError, match="killed"):
            bench.apply(*BUT_FOR_THE_DEPLOYMENT)
    assert rules(bench)["main"] == (0, 40)
    assert "initial-push" in bench.differences()
    bench.apply(*BUT_FOR_THE_DEPLOYMENT)
    assert bench.gitlab.branches(bench.project) == {"main": Clone(bench.folder).head()}
    assert bench.differences() == {}
