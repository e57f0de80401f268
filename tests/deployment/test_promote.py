"""ci/promote: what one environment runs comes to the next one, as it was built and tested, and undoes no hold there."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from installer.config.settings_file import Strict
from tests.deployment.test_github_deployment import Runner, runner  # noqa: F401  # a fixture
from tests.deployment.test_races import running
from tests.deployment.workspace import (
    DIGEST,
    GIT,
    PROJECT,
    TEMPLATE,
    Answer,
    Checkout,
    Remote,
    Workspace,
    write_program,
)

pytestmark = pytest.mark.slow

TEST, PROD = "env/test", "env/prod"
ENVIRONMENTS = (
    "environments:\n  dev: {namespace: hello-dev}\n  test: {namespace: hello-test, from: dev} # by promotion\n"
)
LATER = "sha256:" + "2b" * 32


def deploy(checkout: Checkout, number: int, digest: str = DIGEST, **files: str) -> str:
    """Merge and deploy a change of app, chart and values to dev, and return its revision."""
    values = {f"deploy__{name}_yaml": f"replicas: {number}\nof: {name}\n" for name in ("dev", "test")}
    checkout.write(**{"app_py": f"print({number})\n", "chart__values_yaml": f"number: {number}\n"} | values | files)
    revision = checkout.merge(f"Change {number}")
    answer = checkout.run("deploy", "--init", IMAGE_DIGEST=digest)
    assert answer.line.startswith("deploy: done"), answer.text
    return revision


@pytest.fixture(scope="module")
def _model_two(_model: Workspace, tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, tuple[str, str]]:
    workspace = _model.copied(tmp_path_factory.mktemp("two"))
    laptop = workspace.checkout("laptop")
    first = deploy(laptop, 1, gitops_yaml=PROJECT + ENVIRONMENTS)
    return workspace, (first, deploy(laptop, 2, LATER))


@pytest.fixture
def two(laptop: Checkout, workspace: Workspace, _model_two: tuple[Workspace, tuple[str, str]]) -> tuple[str, str]:
    """Return the revisions of two deployments of dev, the older one first; nothing was promoted yet."""
    model, revisions = _model_two
    model.copied(workspace.path, "laptop")
    return revisions


@pytest.fixture
def promoted(laptop: Checkout, two: tuple[str, str]) -> tuple[str, str]:
    """Return the same, after the older one was promoted."""
    answer = laptop.run("promote", "test", "--init", "--revision", two[0])
    assert answer.line.startswith("promote: done"), answer.text
    return two


@pytest.fixture
def operator(promoted: tuple[str, str], workspace: Workspace) -> Checkout:
    """Return a shallow clone, as a runner has it, of somebody else."""
    checkout = workspace.checkout("operator", "--depth=1")
    checkout.git("config", "user.name", "Grace Hopper")
    return checkout


def refused(answer: Answer, remote: Remote, before: str, branch: str = TEST) -> str:
    """Return why nothing was promoted, after the branch was found to be where it was."""
    assert (answer.code, answer.line.split()[1]) == (1, "failed:"), answer.text
    assert remote.tip(branch) == before
    return answer.line


def test_the_first_promotion_takes_digest_and_chart_of_dev_and_the_values_of_that_source_commit(
    laptop: Checkout, remote: Remote, two: tuple[str, str]
) -> None:
    laptop.write(deploy__test_yaml="replicas: 9\n")
    laptop.merge("Not deployed to dev yet")
    answer = laptop.run("promote", "--init")
    commit = remote.tip(TEST)
    assert answer.line == f"promote: done {TEST} records {two[1]}, as env/dev does (commit {commit})"
    for path in ("image.yaml", "chart/values.yaml", "chart/Chart.yaml"):
        assert remote.read(path, TEST) == remote.read(path), path
    assert remote.read("deploy/test.yaml", TEST) == "replicas: 2\nof: test"
    assert remote.paths(TEST) == [path.replace("dev.yaml", "test.yaml") for path in remote.paths()]
    assert yaml.safe_load(remote.read("image.yaml", TEST))["image"]["digest"] == LATER


def test_the_commit_says_from_where_and_argo_cd_shows_the_source_commit(
    laptop: Checkout, remote: Remote, promoted: tuple[str, str]
) -> None:
    message = remote.git("log", "-1", "--format=%B", TEST)
    assert message.startswith(f"Promote {promoted[0][:7]}: Change 1\n\nFrom env/dev, commit {remote.commits()[1]}.\n")
    trailers = "--format=%(trailers:only,unfold)"
    assert remote.git("log", "-1", trailers, TEST) == remote.git("log", "-1", trailers, "env/dev~1")
    assert laptop.run("promote", WHO="x").code == 0
    assert remote.commits(TEST)[1:] == [remote.git("rev-parse", f"{TEST}~1")], "one commit on top"


def test_a_runner_with_a_shallow_clone_promotes_what_is_not_the_head_of_main(
    operator: Checkout, laptop: Checkout, remote: Remote, promoted: tuple[str, str]
) -> None:
    laptop.merge("Three")
    answer = operator.run("promote", "test", GITHUB_ACTIONS="true", GITHUB_TRIGGERING_ACTOR="grace")
    assert answer.line.startswith(f"promote: done {TEST} records {promoted[1]}"), answer.text
    assert ", by grace." in remote.git("log", "-1", "--format=%b", TEST)


def test_what_is_promoted_already_changes_nothing(laptop: Checkout, remote: Remote, promoted: tuple[str, str]) -> None:
    assert laptop.run("promote").code == 0
    before = remote.tip(TEST)
    answer = laptop.run("promote")
    assert (answer.code, answer.line) == (0, f"promote: already there {TEST} records {promoted[1]}")
    assert remote.tip(TEST) == before


@pytest.mark.parametrize("release", [False, True])
def test_a_held_source_is_promoted_from_by_name_alone(
    laptop: Checkout, remote: Remote, promoted: tuple[str, str], release: bool
) -> None:
    deploy(laptop, 3)
    assert laptop.run("rollback", "--why", "it burns").code == 0
    before = remote.tip(TEST)
    said = refused(laptop.run("promote"), remote, before)
    assert "env/dev is held, and nothing is promoted from there. who: Ada Lovelace; why: it burns;" in said
    assert said.endswith(f"ci/promote test --revision {promoted[1]}")
    bad = remote.revision("env/dev~1")
    assert "env/dev was rolled back from" in refused(laptop.run("promote", "--revision", bad), remote, before)
    if release:
        laptop.run("rollback", "--release")
    named = [] if release else ["--revision", promoted[1][:8]]
    assert laptop.run("promote", *named).line.startswith("promote: done")
    assert (remote.revision(TEST), "hold.yaml" in remote.paths(TEST)) == (promoted[1], False)


def test_a_hold_of_the_target_is_not_undone_until_it_is_released(
    laptop: Checkout, remote: Remote, promoted: tuple[str, str], tmp_path: Path
) -> None:
    assert laptop.run("promote").line.startswith("promote: done")
    assert laptop.run("rollback", "--why", "it burns", ENVIRONMENT="test").line.startswith("rollback: done")
    held, summary = remote.tip(TEST), tmp_path / "summary.md"
    latest = deploy(laptop, 3)
    for environment, release in (
        ({}, "ENVIRONMENT=test ci/rollback --release"),
        ({"GITHUB_ACTIONS": "true"}, "gh workflow run rollback.yml -f release=true -f environment=test"),
        ({"GITOPS_FLASK_PERSON": "octo"}, "gitops-flask rollback --env test --release-hold"),
    ):
        answer = laptop.run("promote", **environment, GITHUB_STEP_SUMMARY=str(summary))
        stays = f"promote: held {TEST} stays at {promoted[0]} until the hold is released: {release}"
        assert (answer.code, answer.line, remote.tip(TEST)) == (0, stays, held)
    assert "::warning::" not in answer.text
    assert "it burns" in answer.text
    assert "Next: nothing, until somebody releases the hold" in summary.read_text()
    assert laptop.run("rollback", "--release", ENVIRONMENT="test").line.startswith("rollback: released")
    assert laptop.run("promote").line.startswith("promote: done")
    assert (remote.revision(TEST), "hold.yaml" in remote.paths(TEST)) == (latest, False)


def test_a_newer_target_is_refused_with_the_way_back(
    laptop: Checkout, remote: Remote, promoted: tuple[str, str]
) -> None:
    laptop.run("promote")
    said = refused(laptop.run("promote", "--revision", promoted[0]), remote, remote.tip(TEST))
    assert f"{TEST} records {promoted[1]}, which is newer than {promoted[0]}" in said
    assert f"gitops-flask rollback --env test --to {promoted[0]}, or ENVIRONMENT=test ci/rollback --to" in said


def test_a_target_with_another_history_is_refused(laptop: Checkout, remote: Remote, promoted: tuple[str, str]) -> None:
    laptop.git("checkout", "--quiet", promoted[0])
    other = laptop.commit("Beside")
    laptop.git("push", "--quiet", "origin", "HEAD:refs/heads/beside")
    assert laptop.run("deploy", ENVIRONMENT="test").line.startswith("deploy: done")
    laptop.git("checkout", "--quiet", "main")
    said = refused(laptop.run("promote"), remote, remote.tip(TEST))
    assert f"{TEST} records {other}, which is not in the history of {promoted[1]} (diverged)" in said


def test_whose_pods_were_queried_is_promoted_or_nothing(
    laptop: Checkout, remote: Remote, promoted: tuple[str, str]
) -> None:
    before = remote.tip(TEST)
    latest = deploy(laptop, 3)
    said = refused(laptop.run("promote", "--expect", promoted[1]), remote, before)
    assert f"env/dev records {latest} by now, not {promoted[1]}, whose pods were queried" in said
    assert laptop.run("promote", "--expect", latest).line.startswith("promote: done")
    assert remote.revision(TEST) == latest


def test_without_a_branch_only_init_makes_one(laptop: Checkout, remote: Remote, two: tuple[str, str]) -> None:
    said = refused(laptop.run("promote"), remote, "")
    assert said.startswith(
        f"promote: failed: there is no branch {TEST}. For the first promotion: ci/promote test --init"
    )
    assert laptop.run("promote", "--init").code == 0


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["test", "--to", "0000"], "unknown option '--to'"),
        (["test", "--revision", "main"], "--revision 'main' is not a commit"),
        (["test", "--expect", "abc"], "--expect 'abc' is not a commit"),
        (["test", "--revision", "0000"], "no revision 0000 was ever deployed to env/dev"),
        (["test", "prod"], "unknown option 'prod'"),
        (["prod"], "gitops.yaml of commit {head} does not say where prod is promoted from"),
        (["dev"], "gitops.yaml of commit {head} does not say where dev is promoted from"),
    ],
)
def test_what_cannot_be_meant_is_red(
    laptop: Checkout, remote: Remote, promoted: tuple[str, str], options: list[str], reason: str
) -> None:
    before, head = remote.tip(TEST), laptop.git("rev-parse", "HEAD")
    said = refused(laptop.run("promote", *options), remote, before)
    assert said.startswith(f"promote: failed: {reason.format(head=head)}")


@pytest.mark.parametrize(
    "text",
    [
        "environments: {dev: {namespace: a}, test: {namespace: b, from: dev}}\n",
        "environments:\n    dev:\n        namespace: a\n    test:\n        namespace: b\n        from: dev\n",
        'environments:\n  "test":\n    # from: prod\n    from: "dev"\n    namespace: b\n  dev: {namespace: a}\n',
        "environments: {dev: {namespace: a},\n               test: {from: dev, namespace: b}} # by promotion\n",
        "'environments' : \n  dev: {namespace: a}\n  test : \n  # by promotion\n  \n    from : dev\n    namespace: b\n",
    ],
    ids=["one line", "block", "quoted", "flow over two lines", "odd blanks and comments"],
)
def test_gitops_yaml_says_where_from_in_any_form(
    laptop: Checkout, remote: Remote, two: tuple[str, str], text: str
) -> None:
    laptop.write(gitops_yaml=f"{PROJECT}{text}argocd:\n  test: {{from: prod}}\n")
    laptop.merge("Environments")
    assert laptop.run("promote", "--init").line.startswith("promote: done")
    assert yaml.safe_load(text)["environments"]["test"]["from"] == "dev"


NAMES = ("dev", "test", "prod", "pre-test", "from", "namespace")


@st.composite
def environments(draw: st.DrawFn) -> str:
    """Return a section `environments` in a style that YAML allows, with what means another one to a careless reader."""

    def quoted(word: str) -> str:
        return draw(
            st.sampled_from([word, word, f"'{word}'", f'"{word}"', f'"{word[0]}\\x{ord(word[1]):02x}{word[2:]}"'])
        )

    def blank() -> str:
        return draw(st.sampled_from(["", " "]))

    def end() -> str:
        return draw(st.sampled_from(["\n", "\n", " # test: {from: prod}\n", "\n\n", f"\n{lead} # from: prod\n"]))

    lead, entries = " " * draw(st.integers(1, 4)), []
    for name in draw(st.permutations(NAMES)):
        others = st.sampled_from([each for each in NAMES if each != name])
        pairs = [f"{quoted('namespace')}{blank()}: {name}-1"]
        pairs += [
            f"{quoted('from')}{blank()}: {draw(st.sampled_from(['', '', f'&{name} ', '!!str ']))}{quoted(draw(others))}"
        ]
        pairs += draw(st.sampled_from([[], [], [f"<<: {{from: {draw(others)}}}"]]))
        pairs, key = draw(st.permutations(pairs)), f"{quoted(name)}{blank()}:"
        block = f"{lead}{key}{end()}" + "".join(f"{lead}  {pair}{end()}" for pair in pairs)
        flow = draw(st.sampled_from([", ", f",\n{lead}   ", " , "])).join(pairs)
        entries.append(draw(st.sampled_from([block, f"{lead}{key} {{{flow}}}{end()}"])))
    return f"{draw(st.sampled_from(['environments', quoted('environments')]))}:{end()}{''.join(entries)}"


@pytest.fixture(scope="module")
def script() -> Iterator[ModuleType]:
    """Return the script's module, which promotes nothing."""
    env = ModuleType("env_branch")
    names = ("BRANCH", "DEPLOYMENT", "Tip", "git", "run_git", "trailers_of")
    vars(env).update(dict.fromkeys(names), CI={"ENVIRONMENT": "test"}, REVISION="", Answer=ValueError, main=id)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "env_branch", env)
        patch.setattr(sys, "dont_write_bytecode", True)  # no file of ours in the template
        spec = spec_from_file_location("promote", TEMPLATE / "ci/lib/promote.py")
        assert spec
        assert spec.loader
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        yield module


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=environments(), name=st.sampled_from(NAMES))
def test_gitops_yaml_never_names_another_source_than_to_the_installer(script: Any, text: str, name: str) -> None:
    said = yaml.load(text, Strict)["environments"][name]["from"]
    script.NAME, script.run_git = name, lambda *_, **__: SimpleNamespace(stdout=text)
    if re.search(r"[&!\\]|<<", text):
        with suppress(ValueError):  # refused
            assert script.source_environment() == said
    else:
        assert script.source_environment() == said


@pytest.mark.parametrize(
    "text",
    [
        "environments:\n  dev: {namespace: a}\n  test: {namespace: b, from: prod}\n  test: {namespace: b, from: dev}\n",
        "environments:\n  dev: {namespace: a}\n  test: {namespace: b, from: prod, from: dev}\n",
        "environments:\n  test: {namespace: b, from: dev}\nenvironments:\n  dev: {namespace: a}\n",
        "environments:\n  test:\n    from:\n    namespace: dev\n",
        "environments:\n  dev: {namespace: a}\n  test: {namespace: b, from: dev/eu}\n",
        "environments:\n  dev: {namespace: a}\n  test: {namespace: b, from: test}\n",
    ],
)
def test_what_the_installer_refuses_is_not_guessed(script: Any, text: str) -> None:
    script.NAME, script.run_git = "test", lambda *_, **__: SimpleNamespace(stdout=text)
    with pytest.raises(ValueError, match="does not say where test is promoted from"):
        script.source_environment()


@pytest.mark.parametrize("text", ["", "argocd:\n  test: {from: dev}\n", "environments:\n  latest: {from: dev}\n"])
def test_a_project_with_one_environment_says_what_is_missing(
    laptop: Checkout, remote: Remote, two: tuple[str, str], text: str
) -> None:
    laptop.write(gitops_yaml=PROJECT + text)
    laptop.merge("Environments")
    said = refused(laptop.run("promote", "--init"), remote, "")
    assert said.endswith("environments: {dev: {namespace: …}, test: {namespace: …, from: dev}}")


def test_a_source_commit_without_values_for_the_target_is_refused(
    laptop: Checkout, remote: Remote, promoted: tuple[str, str]
) -> None:
    (laptop.path / "deploy/test.yaml").unlink()
    gone = laptop.merge("No test any more")
    laptop.run("deploy")
    laptop.write(deploy__test_yaml="replicas: 1\n")
    laptop.merge("And again")
    said = refused(laptop.run("promote"), remote, remote.tip(TEST))
    assert f"commit {gone} has no file deploy/test.yaml (a symbolic link is none). Merge one to main" in said


@pytest.mark.parametrize("other", ["dev.yaml", "."], ids=["a file", "a folder"])
def test_a_symbolic_link_is_no_file_with_values(
    laptop: Checkout, remote: Remote, promoted: tuple[str, str], other: str
) -> None:
    (laptop.path / "deploy/test.yaml").unlink()
    (laptop.path / "deploy/test.yaml").symlink_to(other)
    linked = laptop.merge("The same values")
    assert laptop.run("deploy").line.startswith("deploy: done")
    said = refused(laptop.run("promote"), remote, remote.tip(TEST))
    assert f"commit {linked} has no file deploy/test.yaml (a symbolic link is none). Merge one to main" in said


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ('revision: "{}"\n', "names no image by its digest"),
        ('image:\n  digest: "latest"\nrevision: "{}"\n', "names no image by its digest"),
        ("image: {{}}\n", "names no revision"),
    ],
)
def test_a_source_without_a_whole_image_is_refused_with_another_way(
    laptop: Checkout, remote: Remote, promoted: tuple[str, str], form: str, why: str
) -> None:
    laptop.git("fetch", "--quiet", "origin", "env/dev")
    laptop.git("checkout", "--quiet", "FETCH_HEAD")
    laptop.write(image_yaml=form.format(promoted[1]))
    laptop.commit("Written manually")
    laptop.git("push", "--quiet", "origin", "HEAD:env/dev")
    laptop.git("checkout", "--quiet", "main")
    said = refused(laptop.run("promote"), remote, remote.tip(TEST))
    assert why in said
    assert said.endswith("name an earlier deployment: ci/promote test --revision REVISION")


def test_before_anything_was_deployed_nothing_can_be_promoted(laptop: Checkout, remote: Remote) -> None:
    laptop.write(gitops_yaml=PROJECT + ENVIRONMENTS)
    laptop.merge("Environments")
    assert "there is no branch env/dev: nothing was deployed there" in refused(
        laptop.run("promote", "--init"), remote, ""
    )


def test_a_third_environment_takes_what_the_second_one_records(
    laptop: Checkout, remote: Remote, promoted: tuple[str, str]
) -> None:
    both = f"{ENVIRONMENTS}  prod: {{namespace: hello-prod, from: test}}\n"
    latest = deploy(laptop, 3, gitops_yaml=PROJECT + both, deploy__prod_yaml="replicas: 3\n")
    said = refused(laptop.run("promote", "prod", "--init"), remote, "", PROD)
    assert f"commit {promoted[0]} has no file deploy/prod.yaml" in said
    laptop.run("promote")
    assert laptop.run("promote", "prod", "--init").line.startswith(
        f"promote: done {PROD} records {latest}, as {TEST} does"
    )
    assert remote.paths(PROD) == [path.replace("dev.yaml", "prod.yaml") for path in remote.paths()]


# --- when another push comes first ----------------------------------------------------------------


def test_two_promotions_at_once_are_one(operator: Checkout, laptop: Checkout, remote: Remote) -> None:
    operator.before_push(running(laptop, "promote"))
    answer = operator.run("promote")
    assert (answer.code, answer.line.split(" env")[0]) == (0, "promote: already there"), answer.text
    assert len(remote.commits(TEST)) == 2


def test_a_hold_set_between_fetch_and_push_holds(operator: Checkout, laptop: Checkout, remote: Remote) -> None:
    assert laptop.run("promote").code == 0
    deploy(laptop, 3)
    operator.before_push(running(laptop, "rollback --why 'it burns'").replace("env -i", "env -i ENVIRONMENT=test"))
    answer = operator.run("promote")
    assert (answer.code, answer.line.split()[1]) == (0, "held"), answer.text
    assert "hold.yaml" in remote.paths(TEST)


def test_a_source_that_is_rolled_back_between_fetch_and_a_push_that_was_refused_is_not_promoted(
    operator: Checkout, laptop: Checkout, remote: Remote
) -> None:
    before, count = remote.tip(TEST), remote.path / "count"
    remote.hook("pre-receive", f"read -r _ _ ref; [ $ref != refs/heads/{TEST} ] || {{ touch {count}; exit 1; }}")
    operator.before_push(running(laptop, "rollback --why 'it burns'"))
    said = refused(operator.run("promote"), remote, before)
    assert "env/dev is held" in said
    assert count.exists()


def test_a_branch_lost_between_fetch_and_push_does_not_come_back_by_itself(operator: Checkout, remote: Remote) -> None:
    remote.hook("pre-receive", f"env -i {GIT} -C {remote.path} update-ref -d refs/heads/{TEST}")
    assert f"there is no branch {TEST}" in refused(operator.run("promote"), remote, "")


@pytest.mark.all  # as of a deployment (test_races.py)
@pytest.mark.parametrize(("refusals", "word"), [(4, "done"), (99, "failed:")])
def test_a_refused_push_is_tried_again_five_times_at_most_and_never_by_force(
    operator: Checkout, remote: Remote, refusals: int, word: str
) -> None:
    count = remote.path / "count"
    remote.hook("pre-receive", f"echo x >>{count}; [ $(wc -l <{count}) -gt {refusals} ] || exit 1")
    answer = operator.run("promote")
    assert (answer.line.split()[1], len(count.read_text().split())) == (word, 5)
    pushes = [line for line in operator.git_calls().splitlines() if " push " in f" {line} "]
    assert not any(word in push for push in pushes for word in ("--force", " -f", "+"))


def test_a_push_whose_answer_got_lost_is_found_to_be_there(operator: Checkout, remote: Remote) -> None:
    lose = f'case " $* " in *" push "*) {GIT} "$@"; exit 1;; esac\nexec {GIT} "$@"\n'
    write_program(operator.home / "bin" / "git", "#!/bin/sh\n" + lose)
    assert operator.run("promote").line.startswith("promote: already there")
    assert len(remote.commits(TEST)) == 2


def test_your_files_and_your_branch_are_left_alone(laptop: Checkout, promoted: tuple[str, str]) -> None:
    laptop.write(app_py="half done\n")
    before = [laptop.git("status", "--porcelain"), laptop.git("rev-parse", "HEAD"), laptop.git("diff")]
    assert laptop.run("promote").code == 0
    assert [laptop.git("status", "--porcelain"), laptop.git("rev-parse", "HEAD"), laptop.git("diff")] == before


# --- at GitHub ------------------------------------------------------------------------------------


def at_github(runner: Runner, remote: Remote) -> str:  # noqa: F811
    """Deploy to dev and return the revision."""
    runner.checkout.write(gitops_yaml=PROJECT + ENVIRONMENTS, deploy__test_yaml="replicas: 1\n")
    revision = runner.merge()
    assert runner.run("deploy", "--init").line.startswith("deploy: done")
    return revision


def test_a_promotion_opens_a_deployment_of_its_own_environment(
    runner: Runner,  # noqa: F811
    remote: Remote,
    tmp_path: Path,
) -> None:
    revision, summary = at_github(runner, remote), tmp_path / "summary.md"
    assert runner.run("promote", "test", "--init", summary=summary).line.startswith("promote: done")
    dev, test = runner.deployments
    assert [(each.sha, each.environment, each.state) for each in (dev, test)] == [
        (revision, "dev", "in_progress"),
        (revision, "test", "in_progress"),
    ]
    assert test.statuses[0].description.startswith("Handed to Argo CD")
    assert f"GitHub-deployment: {test.id}" in remote.git("log", "-1", "--format=%B", TEST)
    assert "No pod of dev was queried before" in summary.read_text()
    assert runner.run("promote", "--expect", revision, summary=summary).line.startswith("promote: already there")


def test_what_github_shows_as_failed_is_promoted_by_force_alone(runner: Runner, remote: Remote) -> None:  # noqa: F811
    at_github(runner, remote)
    (dev,) = runner.deployments
    dev.statuses[-1] = type(dev.statuses[-1])(**{**vars(dev.statuses[-1]), "state": "failure", "description": "probe"})
    said = refused(runner.run("promote", "--init"), remote, "")
    assert "to env/dev failed: probe. It is not promoted; ci/promote test --force does it all the same" in said
    assert len(runner.deployments) == 1
    assert runner.run("promote", "--init", "--force").line.startswith("promote: done")


def test_who_forced_it_from_a_laptop_is_in_the_record(laptop: Checkout, remote: Remote, two: tuple[str, str]) -> None:
    by = "octo (forced: the pods of dev were not queried)"
    assert laptop.run("promote", "--init", GITOPS_FLASK_PERSON="octo", DEPLOYED_BY=by).code == 0
    assert remote.git("log", "-1", "--format=%(trailers:key=Deployed-by,valueonly)", TEST).strip() == by
    assert yaml.safe_load(remote.read("image.yaml", TEST))["image"]["tag"] == two[1], (
        "the image of dev, as it was built"
    )
