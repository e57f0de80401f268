"""ci/deploy, when nobody else is about: what it writes, and what it refuses."""

from __future__ import annotations

import subprocess
from platform import machine

import pytest
import yaml

from tests.deployment.workspace import DIGEST, GIT, PROJECT, REPOSITORY, Checkout, Remote, Workspace

SNAPSHOT = ["chart/Chart.yaml", "chart/templates/service.yaml", "deploy/dev.yaml", "image.yaml"]


def test_a_missing_branch_is_an_error_that_names_the_command(laptop: Checkout, remote: Remote) -> None:
    answer = laptop.run("deploy")
    assert (answer.code, answer.line.split(".")[0]) == (1, "deploy: failed: there is no branch env/dev")
    assert "ci/deploy --init" in answer.line
    assert not remote.tip()


def test_init_makes_the_branch_with_a_whole_snapshot_and_no_parent(laptop: Checkout, remote: Remote) -> None:
    revision = laptop.git("rev-parse", "HEAD")
    answer = laptop.run("deploy", "--init")
    assert (answer.code, answer.line) == (0, f"deploy: done env/dev records {revision} (commit {remote.tip()})")
    assert remote.paths() == SNAPSHOT
    assert remote.commits() == [remote.tip()]
    here = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine(), machine())
    image = {"repository": REPOSITORY, "tag": revision, "digest": DIGEST, "architectures": [here]}
    assert yaml.safe_load(remote.read("image.yaml")) == {"image": image, "revision": revision}


def test_every_value_of_the_image_file_is_quoted(deployed: Checkout, remote: Remote) -> None:
    values = [line.partition(": ")[2] for line in remote.read("image.yaml").splitlines()[1:]]
    assert len(values) == 5
    assert all(value.strip("[]")[0] == value.strip("[]")[-1] == '"' for value in values)


@pytest.mark.parametrize(
    ("platforms", "recorded"),
    [("linux/arm64", ["arm64"]), ("linux/amd64,linux/arm64/v8", ["amd64", "arm64"]), ("linux/s390x", ["s390x"])],
)
def test_the_machines_that_the_image_is_for_are_recorded_with_it(
    laptop: Checkout, remote: Remote, platforms: str, recorded: list[str]
) -> None:
    assert laptop.run("deploy", "--init", PLATFORMS=platforms).code == 0
    assert yaml.safe_load(remote.read("image.yaml"))["image"]["architectures"] == recorded


def test_a_branch_that_was_lost_is_brought_back_by_init_only(deployed: Checkout, remote: Remote) -> None:
    remote.git("update-ref", "-d", "refs/heads/env/dev")
    assert deployed.run("deploy").code == 1
    assert deployed.run("deploy", "--init").line.startswith("deploy: done")
    assert remote.revision() == deployed.git("rev-parse", "HEAD")


def test_the_next_merge_is_one_commit_on_top_with_nothing_stale(deployed: Checkout, remote: Remote) -> None:
    before = remote.tip()
    (deployed.path / "chart/templates/service.yaml").unlink()
    deployed.write(chart__templates__deployment_yaml="kind: Deployment\n", deploy__prod_yaml="replicas: 9\n")
    revision = deployed.merge()
    assert deployed.run("deploy").line.startswith("deploy: done")
    assert remote.commits() == [remote.tip(), before]
    assert remote.revision() == revision
    assert remote.paths() == ["chart/Chart.yaml", "chart/templates/deployment.yaml", "deploy/dev.yaml", "image.yaml"]


def test_a_change_of_the_chart_alone_is_deployed(deployed: Checkout, remote: Remote) -> None:
    deployed.write(chart__templates__service_yaml="kind: Service\nspec: {}\n", deploy__dev_yaml="replicas: 2\n")
    deployed.merge()
    assert deployed.run("deploy").line.startswith("deploy: done")
    assert remote.read("chart/templates/service.yaml") == "kind: Service\nspec: {}"
    assert remote.read("deploy/dev.yaml") == "replicas: 2"


@pytest.mark.parametrize("options", [[], ["--init"]])
def test_a_second_run_finds_it_already_there_and_commits_nothing(
    deployed: Checkout, remote: Remote, options: list[str]
) -> None:
    before = remote.tip()
    answer = deployed.run("deploy", *options)
    assert (answer.code, answer.line) == (0, f"deploy: already there env/dev records {remote.revision()}")
    assert remote.tip() == before


def test_the_checkout_is_left_as_it_was(deployed: Checkout, remote: Remote) -> None:
    deployed.merge()
    deployed.write(app_py="print('half done')\n", new_txt="new\n", deploy__dev_yaml="replicas: 7\n")
    deployed.git("add", "app.py")
    looks = [
        ["status", "--porcelain"],
        ["for-each-ref", "refs/heads", "refs/tags"],
        ["symbolic-ref", "HEAD"],
        ["ls-files", "--stage"],
        ["diff"],
    ]
    config = (deployed.path / ".git/config").read_text()
    before = [deployed.git(*look) for look in looks]
    assert deployed.run("deploy").line.startswith("deploy: done")
    assert [deployed.git(*look) for look in looks] == before
    assert (deployed.path / ".git/config").read_text() == config
    assert remote.read("deploy/dev.yaml") == "replicas: 1", "what is not committed is not deployed"


@pytest.mark.parametrize("name", ["Ada Lovelace", 'O\'Neil "x" é \\', "dependabot[bot]", "Doe, Jane: (CEO)"])
def test_trailers_name_the_source_commit(deployed: Checkout, remote: Remote, name: str) -> None:
    deployed.git("commit", "--quiet", "--allow-empty", "-m", "Fix: it\n\nBody: no trailer", f"--author={name} <a@b.c>")
    assert deployed.run("deploy", GITHUB_ACTIONS="true", GITHUB_REPOSITORY="acme/hello-api").line.startswith(
        "deploy: done"
    )
    message = remote.git("log", "-1", "--format=%B", "env/dev")
    parsed = subprocess.run(
        [GIT, "interpret-trailers", "--parse"], input=message, capture_output=True, text=True, check=True
    )
    head = deployed.git("rev-parse", "HEAD")
    written = deployed.git("log", "-1", "--format=%an")
    author = written.replace("\\", "\\\\").replace('"', '\\"')
    assert parsed.stdout.splitlines() == [
        f'Argocd-reference-commit-author: "{author}" <a@b.c>',
        f"Argocd-reference-commit-sha: {head}",
        "Argocd-reference-commit-subject: Fix: it",
        "Argocd-reference-commit-repourl: https://github.com/acme/hello-api",
        f"Argocd-reference-commit-date: {deployed.git('log', '-1', '--format=%aI')}",
    ]
    assert message.startswith(f"Deploy {head[:7]}: Fix: it\n\n")


@pytest.mark.parametrize(
    "url",
    [
        "https://github.com/acme/web.git",
        "https://me:secret@github.com/acme/web",
        "git@github.com:acme/web.git",
        "ssh://git@github.com:22/acme/web.git",
    ],
)
def test_the_page_of_the_repository_is_found_from_any_remote(deployed: Checkout, remote: Remote, url: str) -> None:
    deployed.git("remote", "set-url", "origin", url)
    deployed.git("config", f"url.file://{remote.path}.insteadOf", url)
    deployed.commit()
    assert deployed.run("deploy").line.startswith("deploy: done")
    message = remote.git("log", "-1", "--format=%B", "env/dev")
    assert "\nArgocd-reference-commit-repourl: https://github.com/acme/web\n" in message


def test_the_author_is_the_bot_in_a_workflow_and_you_on_your_machine(deployed: Checkout, remote: Remote) -> None:
    assert remote.git("log", "-1", "--format=%an %cn", "env/dev") == "Ada Lovelace Ada Lovelace"
    deployed.commit()
    assert deployed.run("deploy", GITHUB_ACTIONS="true").code == 0
    assert remote.git("log", "-1", "--format=%an, %cn", "env/dev") == "github-actions[bot], github-actions[bot]"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("IMAGE_DIGEST", ""),
        ("IMAGE_DIGEST", "sha256:" + "0" * 64),
        ("IMAGE_DIGEST", "sha256:12"),
        ("IMAGE_DIGEST", DIGEST + '"\nrevision: "x'),
        ("PLATFORMS", 'linux/amd64"]'),
        ("PLATFORMS", "linux/*"),
        ("PLATFORMS", "linux/amd64 linux/arm64"),
    ],
)
def test_an_image_that_cannot_be_is_refused_before_git_is_asked(
    deployed: Checkout, remote: Remote, name: str, value: str
) -> None:
    before = remote.tip()
    deployed.commit()
    answer = deployed.run("deploy", **{name: value})
    assert (answer.code, remote.tip()) == (1, before)
    assert answer.line.startswith(f"deploy: failed: {name} is ")


def test_the_image_is_the_commits_own_whatever_variables_say(deployed: Checkout, remote: Remote) -> None:
    """Whoever may write may set the CI's variables, but gitops.yaml of main takes a merge."""
    deployed.merge("Two")
    attack = {"IMAGE_REPOSITORY": "docker.io/attacker/x", "IMAGE": "docker.io/attacker/x", "repository": "x/y"}
    assert deployed.run("deploy", **attack).line.startswith("deploy: done")
    assert f'repository: "{REPOSITORY}"' in remote.read("image.yaml")


@pytest.mark.parametrize(
    ("host", "account", "named"),
    [
        ('"docker.io"', "'acme'", "docker.io/acme"),
        ("registry.example.com:5000 # ours", "acme/team  ", "registry.example.com:5000/acme/team"),
        ("'ghcr.io' # GitHub's", "acme", "ghcr.io/acme"),
    ],
)
def test_the_projects_file_is_read_as_people_write_it(
    deployed: Checkout, remote: Remote, host: str, account: str, named: str
) -> None:
    other = f"# host: a/b\nx:\n  host: no\n\nregistry:\n# here\n  hostess: no\n  host: {host}\n  account: {account}\n"
    deployed.write(gitops_yaml=f'{other}project:\n  slug: "hello-api"\n  registry: no\n')
    deployed.commit()
    assert deployed.run("deploy").line.startswith("deploy: done")
    assert f'repository: "{named}/hello-api"\n' in remote.read("image.yaml")


@pytest.mark.parametrize(
    "project",
    ["registry: {host: docker.io}\n", PROJECT.replace('"acme"', '"acme:latest"'), PROJECT.replace("acme", "a$b"), ""],
)
def test_a_commit_that_names_no_image_is_refused_before_git_is_asked(
    deployed: Checkout, remote: Remote, project: str
) -> None:
    before = remote.tip()
    deployed.write(gitops_yaml=project)
    revision = deployed.commit()
    answer = deployed.run("deploy")
    assert (answer.code, remote.tip()) == (1, before)
    assert answer.line.startswith(f"deploy: failed: gitops.yaml of commit {revision} says '")
    assert "not an image name such as docker.io/acme/hello-api" in answer.line


@pytest.mark.parametrize("path", ["chart", "deploy"])
def test_a_commit_without_what_is_deployed_is_refused(deployed: Checkout, remote: Remote, path: str) -> None:
    deployed.git("rm", "--quiet", "-r", path)
    deployed.commit()
    answer = deployed.run("deploy")
    assert answer.code == 1
    assert f"{path}/" in answer.line


def test_a_branch_called_env_is_named_as_what_stands_in_the_way(laptop: Checkout, remote: Remote) -> None:
    remote.git("branch", "env", "main")
    answer = laptop.run("deploy", "--init")
    assert (answer.code, answer.line.partition(" stands")[0]) == (1, "deploy: failed: a branch 'env'")
    assert "git push origin --delete env" in answer.line


def test_another_environment_has_a_branch_and_values_of_its_own(laptop: Checkout, remote: Remote) -> None:
    laptop.write(deploy__test_yaml="replicas: 3\n")
    laptop.merge()
    assert laptop.run("deploy", "--init", ENVIRONMENT="test").line.startswith("deploy: done env/test ")
    assert remote.paths("env/test")[2:] == ["deploy/test.yaml", "image.yaml"]
    assert not remote.tip()


@pytest.mark.parametrize("option", ["--force", "init", ""])
def test_an_unknown_option_is_refused(laptop: Checkout, remote: Remote, option: str) -> None:
    answer = laptop.run("deploy", option)
    assert (answer.code, answer.line) == (1, f"deploy: failed: unknown option '{option}'; see ci/deploy --help")


def test_a_remote_that_does_not_answer_is_red_and_still_one_line(laptop: Checkout, remote: Remote) -> None:
    remote.path.rename(remote.path.with_name("gone"))
    answer = laptop.run("deploy", "--init")
    assert (answer.code, answer.line[:44]) == (1, "deploy: failed: cannot read the branches of ")


@pytest.mark.parametrize("name", [".argocd-source.yaml", ".argocd-source-web-dev.yaml"])
def test_a_file_by_which_argo_cd_would_replace_the_image_is_refused(
    deployed: Checkout, remote: Remote, name: str
) -> None:
    before = remote.tip()
    (deployed.path / "chart" / name).write_text("helm: {parameters: [{name: image.digest, value: another}]}\n")
    deployed.merge()
    answer = deployed.run("deploy")
    assert answer.code == 1
    assert "chart/.argocd-source*.yaml, by which Argo CD would replace the image" in answer.line
    assert remote.tip() == before


@pytest.mark.parametrize("options", [[], ["--depth=1"]], ids=["whole", "shallow"])
def test_on_a_main_that_had_only_a_readme_the_first_commit_that_can_deploy_does(
    workspace: Workspace, remote: Remote, options: list[str]
) -> None:
    """So `gitops-flask up` leaves a repository that a code host's form had begun."""
    laptop = workspace.checkout("filling")
    laptop.git("checkout", "--quiet", "--orphan", "theirs")
    laptop.git("rm", "-rfq", ".")
    laptop.write(README_md="# theirs\n")
    theirs = laptop.commit("Initial commit")
    tree = laptop.git("rev-parse", "origin/main^{tree}")
    merge = laptop.git("commit-tree", tree, "-p", theirs, "-p", "origin/main", "-m", "Merge")
    laptop.git("push", "--quiet", "--force", "origin", f"{merge}:refs/heads/main")
    runner = workspace.checkout("runner", *options)
    assert runner.run("deploy").line == f"deploy: done env/dev records {merge} (commit {remote.tip()})"
    remote.git("update-ref", "-d", "refs/heads/env/dev")
    runner.git("pull", "--quiet")
    runner.merge()
    assert "there is no branch env/dev" in runner.run("deploy").line, (
        "what was lost later is brought back by --init only"
    )


OTHER = "sha256:" + "2b" * 32


def test_an_image_that_the_registry_lost_is_recorded_anew_with_all_else_as_it_was(
    deployed: Checkout, remote: Remote
) -> None:
    first = remote.read("image.yaml")
    assert deployed.run("deploy", "--again", IMAGE_DIGEST=OTHER).line.startswith("deploy: done env/dev records ")
    assert remote.read("image.yaml") == first.replace(DIGEST, OTHER)
    assert len(remote.commits()) == 2


def test_a_hold_survives_that(deployed: Checkout, remote: Remote) -> None:
    deployed.merge()
    assert deployed.run("deploy").code == 0
    assert deployed.run("rollback", "--why", "orders fail").code == 0
    held = remote.revision()
    deployed.git("checkout", "--quiet", "--detach", held)
    before = remote.paths()
    assert deployed.run("deploy", "--again", IMAGE_DIGEST=OTHER).code == 0
    assert remote.paths() == before
    assert "orders fail" in remote.read("hold.yaml")
    assert (remote.revision(), OTHER in remote.read("image.yaml")) == (held, True)


def test_it_is_for_the_commit_that_is_deployed_and_no_other(deployed: Checkout, remote: Remote) -> None:
    tip = remote.tip()
    deployed.merge()
    answer = deployed.run("deploy", "--again", IMAGE_DIGEST=OTHER)
    assert answer.code == 1
    assert answer.line.startswith("deploy: failed: --again is for the commit that env/dev records: ")
    assert remote.tip() == tip
