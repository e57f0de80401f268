"""CircleCI and Travis CI deploy, roll back and release: the jobs of their files, run for real."""

from pathlib import Path

import pytest

from tests.conftest import Bake
from tests.deployment.other_cis import CIS, SLUG, OtherCI, open_shop, states
from tests.github import GitHub

pytestmark = pytest.mark.slow
DEPLOYED = {"test": "success", "push": "success", "deploy": "success"}


each_ci = pytest.mark.parametrize("ci", CIS, indirect=True)
"""For what the two files say each in its own way; the scripts' part Travis CI does only in the long run."""


@pytest.fixture(params=["circleci", pytest.param("travis-ci", marks=pytest.mark.all)])
def ci(request: pytest.FixtureRequest, github: GitHub, bake: Bake, tmp_path: Path) -> OtherCI:
    return CIS[request.param](open_shop(github, bake(ci=request.param).path, tmp_path))


@each_ci
def test_a_pull_request_is_tested_and_built_and_nothing_is_pushed(ci: OtherCI) -> None:
    jobs = ci.pull_request(ci.shop.commit("Try", "feature"), "feature")
    assert states(jobs) == {"test": "success", "image": "success", "chart": "success"}
    assert "image: done: it builds; nothing was pushed" in jobs["image"].log
    assert ci.shop.recorded() == ""
    assert not (ci.shop.bin / "registry").exists()


@each_ci
def test_the_first_push_deploys_and_the_next_merge_too_with_a_github_deployment_each(ci: OtherCI) -> None:
    first = ci.shop.push()
    assert states(ci.merged(first, first=True)) == DEPLOYED
    assert ci.shop.recorded() == first
    second = ci.shop.commit("Sell more")
    jobs = ci.merged(second)
    assert "deploy: done env/dev records" in jobs["deploy"].log
    assert ci.shop.recorded() == second
    assert f'digest: "{ci.shop.digest(second)}"' in (ci.shop.github.file(SLUG, "env/dev", "image.yaml") or "")
    opened = list(ci.shop.github.repository(SLUG).deployments.values())
    assert [(each.sha, each.state) for each in opened] == [(first, "inactive"), (second, "in_progress")]


@pytest.mark.all
def test_what_is_pushed_starts_no_build_and_says_who_did_it(ci: OtherCI) -> None:
    ci.merged(ci.shop.push(), first=True)
    who, message = ci.shop.git("log", "-1", "--format=%an%x00%B", "env/dev").split("\0")
    assert who == ci.title
    assert "[skip ci]" in message[:250]
    assert ci.shop.git("log", "-1", "--format=%(trailers:key=Argocd-reference-commit-sha,valueonly)", "env/dev").strip()
    assert f"Argocd-reference-commit-repourl: https://github.com/{SLUG}\n" in message


@pytest.mark.all
def test_where_the_branch_was_lost_only_init_makes_it_again(ci: OtherCI) -> None:
    ci.merged(ci.shop.push(), first=True)
    second = ci.shop.commit("Sell more")
    ci.merged(second)
    ci.shop.git("update-ref", "-d", "refs/heads/env/dev")
    jobs = ci.merged(second)
    assert jobs["deploy"].state == "failed"
    assert f"on main at {ci.title}, with" in jobs["deploy"].log
    assert ci.asked(second, "init")["deploy"].state == "success"
    assert ci.shop.recorded() == second


def test_a_rollback_is_held_and_its_release_deploys_the_head_of_main(ci: OtherCI, tmp_path: Path) -> None:
    first = ci.shop.push()
    ci.merged(first, first=True)
    second = ci.shop.commit("Sell badly")
    ci.merged(second)
    why = f'orders "fail"; it\'s $(touch {tmp_path}/never) \\'
    jobs = ci.asked(second, "rollback", why=why)
    assert states(jobs) == {"rollback": "success"}, jobs["rollback"].log
    assert ci.shop.recorded() == first
    hold = ci.shop.github.file(SLUG, "env/dev", "hold.yaml") or ""
    assert why.replace("\\", "\\\\").replace('"', '\\"') in hold
    assert not (tmp_path / "never").exists()
    third = ci.shop.commit("Sell well")
    held = ci.merged(third)
    assert (held["deploy"].state, ci.shop.recorded()) == ("success", first)
    assert "deploy: held" in held["deploy"].log
    released = ci.asked(third, "release")
    assert set(states(released).values()) == {"success"}
    assert (len(released), ci.shop.recorded()) == (4, third)


@pytest.mark.all
def test_a_rollback_goes_to_the_deployment_that_is_named(ci: OtherCI) -> None:
    revisions = [ci.shop.push()]
    ci.merged(revisions[0], first=True)
    for subject in ("Two", "Three"):
        revisions.append(ci.shop.commit(subject))
        ci.merged(revisions[-1])
    ci.asked(revisions[-1], "rollback", to=revisions[0][:10])
    assert ci.shop.recorded() == revisions[0]


def test_red_tests_deploy_nothing(ci: OtherCI) -> None:
    (ci.shop.bin / "uv.refuses").touch()
    jobs = ci.merged(ci.shop.push(), first=True)
    assert (jobs["test"].state, jobs["push"].state) == ("failed", "success")
    assert jobs["deploy"].state in ("not_run", "canceled")
    assert ci.shop.recorded() == ""


@pytest.mark.parametrize("name", ["REGISTRY_USERNAME", "REGISTRY_TOKEN"])
def test_what_is_not_set_is_named_with_the_place_where_it_belongs(ci: OtherCI, name: str) -> None:
    del ci.shop.variables[name]
    assert f"{name} is not set ({ci.where})" in ci.merged(ci.shop.push(), first=True)["push"].log


@pytest.mark.all
def test_a_token_that_may_open_no_github_deployment_deploys_all_the_same(ci: OtherCI) -> None:
    may = {"metadata": "read", "contents": "write"}
    token = ci.shop.github.token("octo", "fine-grained", permissions=may, repositories=[SLUG])
    ci.shop.variables["DEPLOY_TOKEN"] = token
    jobs = ci.merged(ci.shop.push(), first=True)
    assert "GitHub took no Deployment" in jobs["deploy"].log
    assert "deploy: done" in jobs["deploy"].log


def test_a_token_that_may_not_write_is_red_and_no_secret_is_in_any_log(ci: OtherCI) -> None:
    may = {"metadata": "read", "contents": "read"}
    token = ci.shop.github.token("octo", "fine-grained", permissions=may, repositories=[SLUG])
    ci.shop.variables["DEPLOY_TOKEN"] = token
    jobs = ci.merged(ci.shop.push(), first=True)
    assert jobs["deploy"].state == "failed"
    assert "env/dev did not take the push 5 times" in jobs["deploy"].log
    said = "".join(job.log for job in jobs.values())
    assert not [value for name, value in ci.shop.variables.items() if name.endswith("TOKEN") and value in said]
