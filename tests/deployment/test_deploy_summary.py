"""ci/deploy: what the page of the workflow's run shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.deployment.workspace import DIGEST, REPOSITORY, Checkout, Remote

ACTIONS = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_SERVER_URL": "https://github.example.com",
    "GITHUB_REPOSITORY": "acme/hello-api",
}
PAGE = "https://github.example.com/acme/hello-api"


def summary_of(checkout: Checkout, folder: Path, *options: str) -> str:
    file = folder / "summary.md"
    answer = checkout.run("deploy", *options, **ACTIONS, GITHUB_STEP_SUMMARY=str(file))
    assert answer.code == 0, answer.text
    return file.read_text()


def test_a_deployment_is_shown_with_its_image_its_commits_and_what_comes_next(
    laptop: Checkout, remote: Remote, tmp_path: Path
) -> None:
    text = summary_of(laptop, tmp_path, "--init")
    revision, deployment = laptop.git("rev-parse", "HEAD"), remote.tip()
    assert f"**deploy: done** env/dev records {revision}" in text
    assert f"| image | `{REPOSITORY}:{revision}` |" in text
    assert f"| digest | `{DIGEST}` |" in text
    assert f"[{revision[:7]}]({PAGE}/commit/{revision})" in text
    assert f"[{deployment[:7]}]({PAGE}/commit/{deployment}) on [env/dev]({PAGE}/commits/env/dev)" in text
    assert "Next: Argo CD sees the deployment and rolls the pods" in text
    assert f"[rollback]({PAGE}/actions/workflows/rollback.yml)" in text


@pytest.mark.parametrize(
    ("newer_first", "outcome", "expected"),
    [(False, "already there", "Next: nothing; it is deployed."), (True, "superseded", "Next: nothing; this change")],
)
def test_where_nothing_was_written_the_summary_says_that_nothing_follows(
    deployed: Checkout, tmp_path: Path, newer_first: bool, outcome: str, expected: str
) -> None:
    if newer_first:
        before = deployed.git("rev-parse", "HEAD")
        deployed.merge()
        assert deployed.run("deploy").code == 0
        deployed.git("checkout", "--quiet", before)
    text = summary_of(deployed, tmp_path)
    assert f"**deploy: {outcome}**" in text
    assert expected in text
    assert "rolls the pods" not in text
