"""The story, end to end: from `cookiecutter` to a second merge that is live, back, and down again.

Real: the template, its hooks, the installer, gh, git, act, docker buildx, helm, argocd, kubectl, Kubernetes, Argo CD,
the registry. A stand-in: GitHub, or GitLab. It plays on github.com where everybody may read everything, there with a
private repository and a private image, on an Enterprise Server whose CA nobody knows, and on two such GitLabs. Chapters
run in order; one that fails fails those after it.
"""

import base64
import json
import re
import time
from collections.abc import Iterator

import pytest
import yaml

from installer.update.request import BRANCH as UPDATE
from tests.documents import valid

from .actors import eventually
from .audit import Audit
from .chapters import in_order, the_first_deployment_is_live
from .stage import SLUG, Stage, open_stage, reader, release
from .variant import enterprise_server, gitlab, older_gitlab, private_with_key, public

__all__ = ["in_order"]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(900)]

LIVE = 120.0  # seconds from a merge to live, at most; the table tells how long it took


VARIANTS = [
    pytest.param(public, id="public"),
    pytest.param(gitlab, id="gitlab", marks=pytest.mark.all),
    pytest.param(private_with_key, id="private", marks=pytest.mark.all),
    pytest.param(enterprise_server, id="enterprise", marks=pytest.mark.all),
    pytest.param(older_gitlab, id="older-gitlab", marks=pytest.mark.all),
]
in_the_public_story = pytest.mark.parametrize("stage", VARIANTS[:1], indirect=True, scope="module")
"""A chapter that the others have not: the same stage, which pytest knows by its place in VARIANTS."""
once_a_code_host = pytest.mark.parametrize("stage", VARIANTS[:2], indirect=True, scope="module")
"""A chapter that is the same in all stories of a code host."""


@pytest.fixture(scope="module", params=VARIANTS)
def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with open_stage(tmp_path_factory.mktemp("story"), request.param) as opened:
        yield opened


def test_the_cluster_has_no_argo_cd_yet(stage: Stage) -> None:
    found = stage.kubectl("get", "deployments,statefulsets", "-A", "-l", "app.kubernetes.io/part-of=argocd")
    assert not found["items"], "the story starts without Argo CD"


def test_cookiecutter_with_its_hook_ends_with_the_first_deployment_live(stage: Stage) -> None:
    the_first_deployment_is_live(stage)


def test_secrets_are_in_no_file(stage: Stage) -> None:
    home = stage.developer.home
    files = [path for path in home.rglob("*") if path.is_file()]
    assert any(path.name == "config" and path.parent.name == ".git" for path in files)
    assert list((home / ".cookiecutter_replay").glob("*.json"))
    for path in files:
        content = path.read_bytes()
        assert not any(secret.encode() in content for secret in stage.secrets), path


def test_what_argo_cd_reads_with_may_only_read_and_is_in_the_cluster_alone(stage: Stage) -> None:
    variant = stage.variant
    by_key = variant.private and variant.access == "ssh"
    assert stage.forge.reads_with() == [True] * by_key
    secret = stage.kubectl("get", "secret", f"{SLUG}-repo", "-n", "argocd")["data"]
    assert ("sshPrivateKey" in secret) is by_key
    assert ("password" in secret) is (variant.private and not by_key)
    kept = stage.kubectl("get", "secrets", "-A", "--field-selector=type=helm.sh/release.v1")["items"]
    assert {item["metadata"]["namespace"] for item in kept} == {"argocd"}, "where only administrators read secrets"
    project = stage.kubectl("get", "appproject", f"{SLUG}-dev", "-n", "argocd")["spec"]
    start = "ssh://git@" if by_key else "https://"
    assert project["sourceRepos"] == [f"{start}{variant.host}/acme/{SLUG}.git"]
    assert project["destinations"] == [{"server": "https://kubernetes.default.svc", "namespace": f"{SLUG}-dev"}]
    assert project.get("clusterResourceWhitelist", []) == []


def test_argo_cd_trusts_the_companys_ca(stage: Stage) -> None:
    given = stage.kubectl("get", "configmap", "argocd-tls-certs-cm", "-n", "argocd")["data"]
    assert given == {stage.variant.host: (stage.developer.project / "ca.pem").read_text()}


def test_an_image_is_pulled_by_who_may_and_the_cluster_has_the_least_login_that_can(stage: Stage) -> None:
    variant, first = stage.variant, stage.revisions[0]
    assert stage.registry_says(first, None) == (401 if variant.pulls_with else 200)
    secrets = stage.kubectl("get", "secrets", "-n", f"{SLUG}-dev")["items"]
    account = stage.kubectl("get", "serviceaccount", SLUG, "-n", f"{SLUG}-dev")
    pod = stage.kubectl("get", "deployment", SLUG, "-n", f"{SLUG}-dev")["spec"]["template"]["spec"]
    named = [{"name": f"{SLUG}-dev-pull"}] if variant.pulls_with else None
    assert account.get("imagePullSecrets") == pod.get("imagePullSecrets") == named
    assert len(secrets) == bool(named)
    for secret in secrets:
        (login,) = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"].values()
        assert login["password"] == stage.developer.env[variant.pulls_with]


def test_up_again_changes_nothing_and_says_so(stage: Stage) -> None:
    audit, before = Audit(), len(stage.host.changes)
    began = time.monotonic()
    done = stage.developer.installer("up", "--yes")
    seconds = time.monotonic() - began
    stage.record("up, again", seconds)
    assert "Nothing to change." in done.stdout
    assert stage.host.changes[before:] == []
    assert audit.changes() == []


def test_plan_finds_nothing_to_do(stage: Stage) -> None:
    assert stage.developer.installer("plan", "--exit-code").returncode == 0
    document = valid("plan", stage.developer.installer("plan", "--json").stdout)
    assert {r["action"] for r in document["resources"]} == {"keep"}


def test_status_finds_all_well(stage: Stage) -> None:
    done = stage.developer.installer("status")
    assert "✗" not in done.stdout
    first = stage.developer.git("rev-parse", "HEAD")[:12]
    assert re.search(rf"(its pod answers|all \d+ pods answer) {first}, as recorded", done.stdout)
    document = valid("status", stage.developer.installer("status", "--json", "--watch").stdout)
    states = {part["key"]: part["state"] for part in document["parts"]}
    assert document["healthy"]
    assert "REGISTRY_TOKEN" in states["secrets"]
    assert re.fullmatch(r"Synced and Healthy at [0-9a-f]{7}", states["sync"])
    assert re.fullmatch(r"sha256:[0-9a-f]{12} is there", states["image"])
    assert states["run"].startswith("success for ")


def test_doctor_finds_nothing_to_fix(stage: Stage) -> None:
    done = stage.developer.installer("doctor")
    image = f"{stage.variant.account}/{SLUG}"
    assert f"docker.io lets {stage.developer.env['REGISTRY_USERNAME']} push {image}" in done.stdout
    document = valid("doctor", stage.developer.installer("doctor", "--json").stdout)
    told = [f["what"] for f in document["findings"] if f["level"] != "fine"]
    variant = stage.variant
    shared = variant.pulls_with == "REGISTRY_TOKEN"
    shown = variant.private and variant.image_visibility == "public"
    assert sorted(told) == [
        *["The cluster pulls with REGISTRY_TOKEN, which may push too."] * shared,
        *[f"acme/{SLUG} is private, but gitops.yaml calls its image public: anyone can read the source in it."] * shown,
    ]


def test_a_failing_test_blocks_the_merge(stage: Stage) -> None:
    developer = stage.developer
    developer.branch("greeting")
    stage.add_greeting(right=False)
    developer.commit("Say hello, wrongly")
    stage.forge.propose("greeting", "Say hello")
    checks = eventually("the checks", lambda: stage.finished("greeting"), 240)
    assert checks == dict(zip(stage.forge.checks_are, ("fail", "pass", "pass"), strict=True))
    assert stage.forge.refuses("greeting")


def test_the_second_merge_is_live_and_the_first_is_not(stage: Stage) -> None:
    developer = stage.developer
    stage.add_greeting(right=True)
    developer.commit("Say hello")
    developer.git("push", "--quiet", "origin", "HEAD:greeting")
    checks = eventually("the checks", lambda: stage.finished("greeting"), 240)
    assert set(checks.values()) == {"pass"}
    first = stage.revisions[-1]
    second = stage.merge_and_follow("greeting", "second merge: code")
    assert stage.service.revisions() == {second} != {first}
    assert stage.service.answer("/api/greeting") == {"greeting": "hello"}
    stage.shows((first, "success"), (second, "in_progress"))  # nobody has asked the pods yet
    stage.developer.installer("status", "--watch")
    stage.shows((first, "inactive"), (second, "success"))
    before = len(stage.host.changes)
    stage.developer.installer("status")
    assert stage.host.changes[before:] == []


def test_what_the_cluster_reads_and_pulls_with_is_renewed_by_one_command(stage: Stage) -> None:
    variant, developer = stage.variant, stage.developer
    before = stage.logins()
    options = ["--renew-key"] if variant.private and variant.access == "ssh" else []
    if "ARGOCD_REPOSITORY_TOKEN" in developer.env:
        developer.env.update(reader(stage.host, variant))
        stage.secrets.append(developer.env["ARGOCD_REPOSITORY_TOKEN"])
    done = developer.installer("up", "--yes", *options)
    assert ("Nothing to change." in done.stdout) is not variant.private
    assert (stage.logins() != before) is variant.private
    assert len(stage.forge.reads_with()) == len(options)
    assert not [secret for secret in stage.secrets if secret in done.stdout + done.stderr]
    assert "Nothing to change." in developer.installer("up", "--yes").stdout


def test_a_change_of_chart_and_values_is_live_too(stage: Stage) -> None:
    developer = stage.developer
    developer.branch("three")
    values = developer.project / "deploy/dev.yaml"
    tree = yaml.safe_load(values.read_text())
    values.write_text(yaml.safe_dump({**tree, "replicaCount": 3}))
    chart = developer.project / "chart/templates/service.yaml"
    chart.write_text(chart.read_text().replace("metadata:\n", "metadata:\n  annotations:\n    story: third\n", 1))
    developer.commit("Run three")
    stage.forge.propose("three", "Run three")
    eventually("the checks", lambda: stage.passed("three"), 240)
    third = stage.merge_and_follow("three", "third merge: chart and values")
    assert stage.service.revisions() == {third}
    deployment = stage.kubectl("get", "deployment", SLUG, "-n", f"{SLUG}-dev")
    assert deployment["spec"]["replicas"] == 3
    service = stage.kubectl("get", "service", SLUG, "-n", f"{SLUG}-dev")
    assert service["metadata"]["annotations"]["story"] == "third"


def test_rollback_brings_the_previous_deployment_back_and_holds_while_the_ci_is_down(stage: Stage) -> None:
    second = stage.revisions[-2]
    stage.forge.deployment_of(stage.revisions[-1])  # until its end the job itself asks the CI
    began = time.monotonic()
    with stage.without_the_ci():
        done = stage.developer.installer("rollback", "--yes", "--why", "three is too many")
    stage.record("rollback, from its command to live", time.monotonic() - began)
    assert f"Comes back:  {second[:12]} {stage.forge.subject('greeting', 'Say hello')}" in done.stdout
    assert f"Live: every pod of {SLUG} answers revision {second}." in done.stdout
    assert stage.service.revisions() == {second}
    stage.shows((stage.revisions[-1], "inactive"), (second, "success"))
    assert stage.kubectl("get", "deployment", SLUG, "-n", f"{SLUG}-dev")["spec"]["replicas"] == 2
    hold = stage.hold()
    assert (hold["who"], hold["why"], hold["bad"]) == ("octocat", "three is too many", stage.revisions[-1])
    status = valid("status", stage.developer.installer("status", "--json").stdout)
    assert status["healthy"]
    assert "three is too many" in status["hold"]


def test_the_next_merge_does_not_undo_the_rollback(stage: Stage) -> None:
    developer = stage.developer
    held = stage.revisions[-2]
    developer.branch("comment")
    readme = developer.project / "README.md"
    readme.write_text(readme.read_text() + "\nHeld.\n")
    developer.commit("Say more")
    stage.forge.propose("comment", "Say more")
    eventually("the checks", lambda: stage.passed("comment"), 240)
    fourth = stage.forge.merge("comment")
    stage.revisions.append(fourth)
    deployed = stage.forge.deployment_of(fourth)
    assert deployed.green, "a held deployment is green"
    assert "deploy: held" in deployed.log
    assert stage.service.revisions() == {held}
    done = stage.developer.installer("up", "--yes")
    assert "Held:" in done.stdout
    assert "three is too many" in done.stdout


def test_releasing_the_hold_brings_that_merge_live_while_the_ci_is_down(stage: Stage) -> None:
    fourth = stage.revisions[-1]
    with stage.without_the_ci():
        done = stage.developer.installer("rollback", "--release-hold", "--yes")
        assert f"Live: every pod of {SLUG} answers revision {fourth}." in done.stdout
        assert stage.service.revisions() == {fourth}
        again = stage.developer.installer("rollback", "--release-hold", "--yes")
        assert "env/dev is not held" in again.stdout
    image = stage.deployed()["image"]
    assert image["tag"] == fourth, "the image that the CI built"
    stage.digests[fourth] = image["digest"]


@pytest.mark.all
def test_the_cis_own_button_rolls_back_and_releases_too(stage: Stage) -> None:
    second, fourth = stage.revisions[1], stage.revisions[-1]
    stage.press("rollback", to=second, why="by the button")
    stage.follow("rollback by the button", second)
    assert (stage.hold()["why"], stage.hold()["bad"]) == ("by the button", fourth)
    stage.press("release")
    stage.follow("release by the button", fourth)


@in_the_public_story
def test_a_commit_of_main_is_deployed_from_a_laptop_while_the_ci_is_down(stage: Stage) -> None:
    developer = stage.developer
    developer.branch("urgent")
    readme = developer.project / "README.md"
    readme.write_text(readme.read_text() + "\nUrgent.\n")
    developer.commit("Mend it")
    stage.forge.propose("urgent", "Mend it")
    eventually("the checks", lambda: stage.passed("urgent"), 240)
    stage.repository.actions["enabled"] = False
    fifth = stage.forge.merge("urgent")
    developer.git("switch", "--quiet", "--detach", fifth)
    began = time.monotonic()
    with stage.without_the_ci():
        done = developer.installer("deploy", "--break-glass", "Actions is down", "--yes")
    stage.record("deploy --break-glass, from its command to live", time.monotonic() - began)
    assert f"Live: every pod of {SLUG} answers revision {fifth}." in done.stdout
    assert stage.service.revisions() == {fifth}
    assert "test: done" in done.stderr
    image = stage.deployed()["image"]
    nodes = {node["status"]["nodeInfo"]["architecture"] for node in stage.kubectl("get", "nodes")["items"]}
    assert set(image["architectures"]) <= nodes
    assert f"for linux/{image['architectures'][0]}:" in done.stdout
    assert image["tag"] == f"local-{fifth}"
    assert stage.in_registry(f"local-{fifth}")
    assert not stage.in_registry(fifth)
    assert not [secret for secret in stage.secrets if secret in done.stdout + done.stderr]
    by = "octocat (break-glass: Actions is down)"
    assert f"records {fifth[:12]}, deployed by {by}" in developer.installer("status").stdout
    stage.repository.actions["enabled"] = True
    stage.note()


@pytest.mark.all
@once_a_code_host
def test_a_better_template_is_proposed_checked_merged_and_live_and_what_the_team_did_stays(stage: Stage) -> None:
    developer, version = stage.developer, "99.0.0"
    developer.git("fetch", "--quiet", "origin")
    developer.git("switch", "--quiet", "--detach", "origin/main")
    release(stage.fork, version)
    update = ("template", "update", "--template", str(stage.fork))
    done = developer.installer(*update)
    assert f"Opened a {stage.forge.calls_it}: {stage.variant.url}/acme/{SLUG}/" in done.stdout
    example = f"src/{SLUG.replace('-', '_')}/example.py"
    assert f"- {example}: you changed it, so it stays; the template has another one" in done.stdout
    assert not developer.git("status", "--porcelain"), "it works beside the folder"
    eventually("the checks", lambda: stage.passed(UPDATE), 240)
    merged = stage.merge_and_follow(UPDATE, "update from the template")
    kept = developer.git("ls-remote", "--heads", "origin", "gitops-flask/template")
    assert kept, "what a merge deletes is the branch of its request"
    service = stage.kubectl("get", "service", SLUG, "-n", f"{SLUG}-dev")
    assert [port["appProtocol"] for port in service["spec"]["ports"]] == ["http"], "the template's"
    assert service["metadata"]["annotations"]["story"] == "third", "the team's, in the same file"
    assert stage.service.answer("/api/greeting") == {"greeting": "hello"}
    again = developer.installer(*update)
    assert f"Nothing to update: the project has all of the template, {version}." in again.stdout
    developer.git("switch", "--quiet", "--detach", "origin/main")
    assert developer.git("rev-parse", "HEAD") == merged
    assert stage.forge.deployment_of(merged).green, "until its end the job itself asks the CI"


@pytest.mark.all
@in_the_public_story
def test_that_merge_was_built_by_the_ci_and_went_on_top_of_what_the_laptop_deployed(stage: Stage) -> None:
    fifth, sixth = stage.revisions[-2:]
    assert stage.deployed()["image"]["tag"] == sixth
    trailer = "--format=%(trailers:key=Deployed-by)"
    assert stage.developer.git("log", trailer, "--max-count=1", stage.env_head()) == ""
    assert not stage.in_registry(fifth), "the CI built its own commit alone"
    assert "deployed by" not in stage.developer.installer("status").stdout


@pytest.mark.all
@in_the_public_story
def test_an_image_that_carries_another_revision_makes_up_fail(stage: Stage) -> None:
    recorded, other = stage.revisions[-1], stage.digests[stage.revisions[-3]]
    right = stage.rewrite_image(digest=other)
    done = stage.developer.installer("up", "--yes", check=False)
    assert done.returncode == 1
    assert f"answers revision {stage.revisions[-3]}, while {recorded} is recorded" in done.stderr
    stage.rewrite_image(digest=right)
    stage.developer.installer("up", "--yes")


def test_down_leaves_nothing_but_what_it_says(stage: Stage) -> None:
    done = stage.developer.installer("down", "--yes")
    namespace = f"{SLUG}-dev"
    assert stage.kubectl("get", "namespaces", names=True).isdisjoint({namespace})
    assert not [r for r in stage.releases() if SLUG in r["name"]]
    for kind in ("applications.argoproj.io", "appprojects.argoproj.io", "secrets"):
        assert not {name for name in stage.kubectl("get", kind, "-A", names=True) if SLUG in name}
    assert not any(stage.forge.left().values()), stage.forge.left()
    stays = done.stdout.split("Stays on purpose:")[1]
    image = f"docker.io/{stage.variant.account}/{SLUG}"
    for what in (f"{stage.variant.url}/acme/{SLUG}", "env/dev", "Argo CD", image):
        assert what in stays


def test_down_takes_the_big_ones_only_with_their_names_typed(stage: Stage) -> None:
    refused = stage.developer.installer("down", "--repository", "--argocd", stdin="yes\n", check=False)
    assert refused.returncode == 130
    assert f"acme/{SLUG}" in stage.projects()
    typed = f"acme/{SLUG}\nargocd\n"
    done = stage.developer.installer("down", "--repository", "--argocd", stdin=typed)
    assert f"acme/{SLUG}" not in stage.projects()
    found = stage.kubectl("get", "deployments,statefulsets,pods", "-A", "-l", "app.kubernetes.io/part-of=argocd")
    assert not found["items"]
    left = set(re.findall(r"[a-z]+\.argoproj\.io", done.stdout))
    assert left == stage.kubectl("get", "customresourcedefinitions", names=True) & left != set()
    assert json.dumps(stage.releases()) == "[]"


def test_the_code_host_was_asked_for_nothing_that_the_stand_in_does_not_know(stage: Stage) -> None:
    assert stage.host.failures == []
