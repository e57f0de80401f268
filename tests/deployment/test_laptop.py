"""The scripts as `gitops-flask` runs them on a laptop: what it gives them, over real git without a code host."""

from __future__ import annotations

import pytest
import yaml

from tests.deployment.workspace import BRANCH, GIT, REPOSITORY, Checkout, Remote

pytestmark = pytest.mark.slow

GIVEN = {"GITOPS_FLASK_PERSON": "octo"}
BY = "octo (break-glass: the CI is down)"


def trailers(remote: Remote, name: str) -> list[str]:
    return remote.git("log", "-1", f"--format=%(trailers:key={name},valueonly)", BRANCH).splitlines()


def test_a_deployment_without_the_ci_has_a_tag_of_its_own_and_a_rollback_to_it_keeps_by_whom(
    deployed: Checkout, remote: Remote
) -> None:
    revision = deployed.merge("Two")
    answer = deployed.run("deploy", **GIVEN, DEPLOYED_BY=f"{BY}\nArgocd-reference-commit-sha: {'0' * 40}")
    assert answer.line.startswith("deploy: done"), answer.text
    assert yaml.safe_load(remote.read("image.yaml"))["image"]["tag"] == f"local-{revision}"
    assert remote.revision() == revision
    assert trailers(remote, "Argocd-reference-commit-sha") == [revision], "a line is one line"
    assert [line[: len(BY)] for line in trailers(remote, "Deployed-by")] == [BY]
    assert remote.git("log", "-1", "--format=%b", BRANCH).startswith("[skip ci]\n")
    deployed.merge("Three")
    deployed.run("deploy")
    assert (trailers(remote, "Deployed-by"), deployed.run("rollback", **GIVEN).code) == ([], 0)
    assert (remote.revision(), len(trailers(remote, "Deployed-by"))) == (revision, 1)
    hold = yaml.safe_load(remote.read("hold.yaml"))
    assert (hold["who"], remote.git("log", "-1", "--format=%an", BRANCH)) == ("octo", "Ada Lovelace")
    assert deployed.run("rollback", "--release", **GIVEN).line.startswith("rollback: released")
    assert len(trailers(remote, "Deployed-by")) == 1


@pytest.mark.parametrize("ci", ["GITHUB_ACTIONS", "CIRCLECI"])
def test_in_a_ci_nothing_makes_it_a_laptop(deployed: Checkout, remote: Remote, ci: str) -> None:
    revision = deployed.merge("Two")
    deployed.run("deploy", **GIVEN, DEPLOYED_BY=BY, **{ci: "true"})
    assert yaml.safe_load(remote.read("image.yaml"))["image"] == {
        "repository": REPOSITORY,
        "tag": revision,
        "digest": deployed.env["IMAGE_DIGEST"],
        "architectures": yaml.safe_load(remote.read("image.yaml"))["image"]["architectures"],
    }


def test_pushes_that_others_came_before_are_no_question_of_rights(deployed: Checkout, remote: Remote) -> None:
    deployed.merge("Two")
    other = f"$({GIT} -C {remote.path} commit-tree -p {BRANCH} -m Other {BRANCH}^{{tree}})"
    who = "-c user.name=x -c user.email=x@example.com"
    remote.hook("pre-receive", f"env -i {GIT} {who} -C {remote.path} update-ref refs/heads/{BRANCH} {other}".replace(
        f"{GIT} -C {remote.path} commit-tree", f"env -i {GIT} {who} -C {remote.path} commit-tree"))  # fmt: skip
    answer = deployed.run("deploy")
    assert (answer.code, answer.text.count("did not take the push (attempt")) == (1, 5)
    sentence = f"deploy: failed: {BRANCH} did not take the push 5 times: other pushes came first. Run this again"
    assert answer.line == sentence
