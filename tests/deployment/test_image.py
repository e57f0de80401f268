"""ci/image: what it asks of docker, what it refuses, and what it leaves behind."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.deployment.workspace import DIGEST, PROJECT, REPOSITORY, Checkout, write_program

TOKEN = "dckr_pat_TheToken"
LOGIN = {"REGISTRY_USERNAME": "acme", "REGISTRY_TOKEN": TOKEN}
GITLAB = {
    "GITLAB_CI": "true",
    "CI_SERVER_URL": "https://gitlab.com",
    "CI_PROJECT_URL": "https://gitlab.com/acme/hello-api",
    "CI_PROJECT_PATH": "acme/hello-api",
    "CI_REGISTRY": "registry.gitlab.com",
    "CI_REGISTRY_USER": "gitlab-ci-token",
    "CI_REGISTRY_PASSWORD": TOKEN,
}
"""What a job at GitLab has in its environment."""
ONLY_MAIN = LOGIN | {"REUSE_PUSHED": "true"}

# Writes down what it is asked, in which configuration, and answers as a docker with an empty registry would.
DOCKER = f"""#!/bin/sh
printf '%s\\n' "$*" >>"$HOME/docker.calls"
case "$*" in
  "context show") echo default ;;
  "buildx version") ;;
  "buildx inspect") printf 'Name: x\\nDriver: %s\\nDriver Options: y\\n' "${{DRIVER:-docker-container}}" ;;
  "buildx inspect --bootstrap") printf 'Name: x\\nPlatforms: %s\\n' "${{KNOWS:-linux/amd64*, linux/arm64}}" ;;
  "buildx stop") ;;
  "buildx inspect ci-image"*) [ -e "$HOME/made" ] ;;
  "buildx create"*)
    touch "$HOME/made"
    while [ $# -gt 0 ]; do [ "$1" != --config ] || cp "$2" "$HOME/buildkitd.toml"; shift; done ;;
  "buildx imagetools inspect"*) [ -n "$PUSHED" ] && printf 'Name: x\\nDigest:    %s\\n\\n  Name: y\\n' "$PUSHED" ;;
  login*)
    printf '%s' "$DOCKER_CONFIG" >"$HOME/config"
    ls "$DOCKER_CONFIG" >"$HOME/parts"
    cat >"$DOCKER_CONFIG/config.json"
    [ "$(cat "$DOCKER_CONFIG/config.json")" = {TOKEN} ] || {{ echo 401 Unauthorized >&2; exit 1; }} ;;
  "buildx build"*)
    [ -z "$BROKEN" ] || exit 1
    printf '%s\\n' "$BUILDX_BUILDER" "$BUILDX_CONFIG" "$REGISTRY_TOKEN" >"$HOME/build"
    printf '%s %s\\n' "${{GIT_TERMINAL_PROMPT-asks}}" "${{BUILDX_GIT_INFO-true}}" >"$HOME/git-of-the-build"
    [ -z "$PROGRESS" ] || printf '%s\\n' "$PROGRESS" >&2
    while [ $# -gt 0 ]; do [ "$1" = --metadata-file ] && metadata=$2; shift; done
    [ -z "$metadata" ] || printf '{{\\n  "containerimage.digest": "{DIGEST}"\\n}}\\n' >"$metadata" ;;
  *) exit 64 ;;
esac
"""


@pytest.fixture
def machine(laptop: Checkout) -> Checkout:
    write_program(laptop.home / "bin" / "docker", DOCKER)
    for part in ("cli-plugins", "contexts"):
        (laptop.home / ".docker" / part).mkdir(parents=True)
    return laptop


def calls(machine: Checkout, verb: str) -> list[str]:
    text = (machine.home / "docker.calls").read_text()
    return [line for line in text.splitlines() if line.startswith(verb)]


def test_the_image_carries_its_commit_in_tag_and_build_argument(machine: Checkout) -> None:
    output = machine.home / "output"
    answer = machine.run("image", **ONLY_MAIN, GITHUB_ACTIONS="true", GITHUB_OUTPUT=str(output))
    revision = machine.git("rev-parse", "HEAD")
    assert (answer.code, answer.line) == (0, DIGEST), answer.text
    assert output.read_text() == f"digest={DIGEST}\n"
    (build,) = calls(machine, "buildx build")
    for part in (
        f"--build-arg REVISION={revision} ",
        f"--tag {REPOSITORY}:{revision} ",
        "--output type=registry ",
        f"--cache-from type=registry,ref={REPOSITORY}:buildcache ",
    ):
        assert part in build
    assert "--cache-to" not in build, "nobody waits for it"


def test_layers_are_kept_without_another_image(machine: Checkout) -> None:
    answer = machine.run("image", "--cache", **ONLY_MAIN, PUSHED=DIGEST)
    assert (answer.code, answer.text) == (0, f"image: done: {REPOSITORY}:buildcache has the layers\n")
    (build,) = calls(machine, "buildx build")
    assert f"--cache-to type=registry,ref={REPOSITORY}:buildcache,mode=max,image-manifest=true " in build
    assert "--output type=cacheonly " in build
    assert "--tag" not in build


STEPS = """\
#7 [internal] load build context
#8 [dependencies 2/3] RUN python -m pip install uv
#8 CACHED
#9 [dependencies 3/3] RUN uv sync
#9 {sync}
#10 [service 2/2] RUN uv pip install /build
#10 DONE 0.4s"""


@pytest.mark.parametrize(
    ("progress", "ci", "kept"),
    [
        (STEPS.format(sync="CACHED"), "true", False),
        (STEPS.format(sync="DONE 4.0s"), "true", True),
        (STEPS.format(sync="CACHED").replace("[", "[linux/arm64 "), "true", False),
        (STEPS.format(sync="CACHED"), "", True),
        ("in other words", "true", True),
    ],
    ids=["all-cached", "one-ran", "all-cached-of-a-platform", "on-a-laptop", "other-words"],
)
def test_layers_are_kept_where_the_build_made_some_that_the_next_can_use(
    machine: Checkout, progress: str, ci: str, kept: bool
) -> None:
    built = machine.run("image", **LOGIN, GITHUB_ACTIONS=ci, PROGRESS=progress)
    assert built.code == 0
    assert progress in built.text, "people see it while it happens"
    answer = machine.run("image", "--cache", **ONLY_MAIN, GITHUB_ACTIONS=ci, PUSHED=DIGEST)
    assert answer.code == 0
    assert len(calls(machine, "buildx build")) == 1 + kept
    assert ("there are no others to keep" in answer.text) is not kept

    machine.merge("Another")
    machine.run("image", "--cache", **ONLY_MAIN, GITHUB_ACTIONS=ci)
    assert len(calls(machine, "buildx build")) == 2 + kept, "that was another commit"


@pytest.mark.parametrize(
    ("options", "ci", "told"), [([], "", "asks true"), ([], "true", "0 true"), (["--cache"], "true", "0 false")]
)
def test_in_a_ci_git_asks_nobody_and_for_the_layers_alone_it_is_not_asked_either(
    machine: Checkout, options: list[str], ci: str, told: str
) -> None:
    """After ci/deploy the clone has commits without their files, which git fetches as soon as they are read."""
    assert machine.run("image", *options, **ONLY_MAIN, GITHUB_ACTIONS=ci).code == 0
    assert (machine.home / "git-of-the-build").read_text().strip() == told


def test_layers_that_cannot_be_kept_fail_no_deployment(machine: Checkout) -> None:
    answer = machine.run("image", "--cache", **ONLY_MAIN, BROKEN="yes")
    assert answer.code == 0
    assert answer.text == "image: done: no layers were kept (see above): the next build takes longer\n"


def test_an_image_that_was_pushed_for_this_commit_is_used_again_where_only_main_pushes(machine: Checkout) -> None:
    pushed = "sha256:" + "2b" * 32
    answer = machine.run("image", **ONLY_MAIN, PUSHED=pushed)
    assert (answer.code, answer.line) == (0, pushed)
    assert not calls(machine, "buildx build")


@pytest.mark.parametrize("reuse", ["", "false", "yes"])
def test_what_another_branch_may_have_pushed_is_neither_deployed_nor_built_upon(machine: Checkout, reuse: str) -> None:
    """Its workflow read the token, and pushed an image of its own as this commit's, and layers as the cache."""
    theirs = "sha256:" + "2b" * 32
    answer = machine.run("image", **LOGIN, PUSHED=theirs, REUSE_PUSHED=reuse)
    assert (answer.code, answer.line) == (0, DIGEST), "what this run built"
    (build,) = calls(machine, "buildx build")
    assert "--cache-from" not in build
    kept = machine.run("image", "--cache", **LOGIN, REUSE_PUSHED=reuse)
    assert kept.code == 0
    assert "no layers are kept: others than main's own runs can push to" in kept.text
    assert len(calls(machine, "buildx build")) == 1


@pytest.mark.parametrize(
    ("lines", "reused"),
    [
        ("visibility: private", False),
        ("reuse: none", False),
        ("visibility: private\n  reuse: none # pushed", False),
        ("visibility: private\n  reuse: pushed # we have a REGISTRY_PULL_TOKEN", True),
        ("visibility: public", True),
    ],
)
def test_a_private_image_is_built_anew_unless_main_says_that_the_cluster_only_reads(
    machine: Checkout, lines: str, reused: bool
) -> None:
    """Whoever may push to env/dev can mount the Secret that pulls it; made from REGISTRY_TOKEN, it also pushes."""
    machine.write(gitops_yaml=PROJECT.replace("visibility: public", lines))
    machine.commit()
    theirs = "sha256:" + "2b" * 32
    assert machine.run("image", **ONLY_MAIN, PUSHED=theirs).line == (theirs if reused else DIGEST)
    kept = machine.run("image", "--cache", **ONLY_MAIN)
    assert ("no layers are kept" in kept.text) is not reused


@pytest.mark.parametrize(
    ("registry", "protected", "reused"),
    [("registry.gitlab.com", "true", False), ("docker.io", "true", True), ("docker.io", "false", False)],
)
def test_at_gitlab_its_own_registry_takes_what_any_branchs_job_pushes(
    machine: Checkout, registry: str, protected: str, reused: bool
) -> None:
    machine.write(gitops_yaml=PROJECT.replace("docker.io", registry))
    machine.commit()
    assert machine.run("image", **LOGIN, **GITLAB, CI_COMMIT_REF_PROTECTED=protected).code == 0
    (build,) = calls(machine, "buildx build")
    assert ("--cache-from" in build) is reused


@pytest.mark.parametrize("theirs", ["evil.example.com/acme/hello-api", "docker.io/attacker/x"])
def test_no_variable_says_where_an_image_is_taken_from_or_the_token_goes(machine: Checkout, theirs: str) -> None:
    """Whoever may write may set variables of the repository; gitops.yaml of main takes a merge."""
    answer = machine.run("image", **ONLY_MAIN, IMAGE_REPOSITORY=theirs, repository=theirs)
    assert (answer.code, answer.line) == (0, DIGEST)
    assert calls(machine, "login") == ["login docker.io --username acme --password-stdin"]
    asked = (machine.home / "docker.calls").read_text()
    assert f"imagetools inspect {REPOSITORY}:" in asked
    assert f"--cache-from type=registry,ref={REPOSITORY}:buildcache" in asked
    assert theirs not in asked


def test_a_commit_that_names_no_image_logs_in_nowhere(machine: Checkout) -> None:
    machine.write(gitops_yaml=PROJECT.replace('"docker.io"', ""))
    revision = machine.commit()
    answer = machine.run("image", **LOGIN)
    assert answer.code == 1
    assert f"image: failed: gitops.yaml of commit {revision} says '/acme/hello-api', not an image name" in answer.text
    assert not calls(machine, "login")


def test_at_gitlab_the_jobs_own_token_goes_to_no_registry_but_gitlabs(machine: Checkout) -> None:
    assert "REGISTRY_TOKEN is not set" in machine.run("image", **GITLAB, REGISTRY_USERNAME="acme").text
    assert not calls(machine, "login")
    machine.write(gitops_yaml=PROJECT.replace("docker.io", "registry.gitlab.com"))
    machine.commit()
    assert machine.run("image", **GITLAB).code == 0
    assert calls(machine, "login") == ["login registry.gitlab.com --username gitlab-ci-token --password-stdin"]


@pytest.mark.parametrize("ci", ["CIRCLECI", "TRAVIS"])
def test_where_any_branchs_build_may_push_no_variable_has_main_trust_it(machine: Checkout, ci: str) -> None:
    answer = machine.run("image", **ONLY_MAIN, PUSHED="sha256:" + "2b" * 32, **{ci: "true"})
    assert (answer.code, answer.line) == (0, DIGEST)
    assert "--cache-from" not in calls(machine, "buildx build")[0]


def test_no_program_inherits_the_token(machine: Checkout) -> None:
    for name in ("docker", "git"):
        program = machine.home / "bin" / name
        first, rest = program.read_text().split("\n", 1)
        program.write_text(f'{first}\nenv >>"$HOME/inherited"\n{rest}')
    assert machine.run("image", **LOGIN, DEPLOY_TOKEN=TOKEN).code == 0
    inherited = (machine.home / "inherited").read_text()
    assert "PATH=" in inherited
    assert TOKEN not in inherited


def test_the_token_goes_to_docker_by_standard_input_and_is_gone_afterwards(machine: Checkout, tmp_path: Path) -> None:
    before = sorted(machine.home.joinpath(".docker").rglob("*"))
    answer = machine.run("image", **LOGIN, TMPDIR=str(tmp_path))
    assert answer.code == 0
    assert calls(machine, "login") == ["login docker.io --username acme --password-stdin"]
    assert TOKEN not in (machine.home / "docker.calls").read_text() + answer.text
    config = Path((machine.home / "config").read_text())
    assert config.is_relative_to(tmp_path)
    assert not config.parent.exists(), "the private configuration is removed"
    assert (machine.home / "parts").read_text().split() == ["cli-plugins", "contexts"], "plugins are still found"
    assert sorted(machine.home.joinpath(".docker").rglob("*")) == before
    builder_config = str(machine.home / ".docker" / "buildx")
    assert (machine.home / "build").read_text().splitlines() == ["", builder_config, ""], "the build has no token"


@pytest.mark.parametrize("name", ["REGISTRY_USERNAME", "REGISTRY_TOKEN"])
def test_what_is_not_set_is_named_with_the_place_where_it_belongs(machine: Checkout, name: str) -> None:
    answer = machine.run("image", **(LOGIN | {name: "", "GITHUB_ACTIONS": "true"}))
    where = f"in GitHub it is a repository variable: gh variable set {name}"
    if name == "REGISTRY_TOKEN":
        where = "gitops-flask up stores it, as a secret that main alone reads where the plan has such"
    assert answer.code == 1
    assert f"image: failed: {name} is not set ({where})" in answer.text
    assert not calls(machine, "login")


def test_a_login_that_is_refused_names_what_to_check_and_leaves_nothing(machine: Checkout, tmp_path: Path) -> None:
    answer = machine.run("image", **(LOGIN | {"REGISTRY_TOKEN": "wrong"}), TMPDIR=str(tmp_path))
    assert answer.code == 1
    assert "docker.io did not let 'acme' in: check REGISTRY_USERNAME and REGISTRY_TOKEN" in answer.text
    assert list(tmp_path.glob("image.*")) == []
    assert not calls(machine, "buildx build")


def test_changes_that_are_not_committed_are_not_pushed_unless_asked_for(machine: Checkout) -> None:
    machine.write(app_py="half done\n")
    answer = machine.run("image", **LOGIN)
    assert (answer.code, "changes that are not in commit" in answer.text) == (1, True)
    assert not calls(machine, "login")
    assert machine.run("image", "--allow-dirty", **LOGIN, PUSHED=DIGEST).code == 0
    (build,) = calls(machine, "buildx build")
    assert f":{machine.git('rev-parse', 'HEAD')}-dirty " in build


def test_without_push_nothing_is_needed_and_nobody_is_logged_in(machine: Checkout) -> None:
    machine.write(app_py="half done\n")
    answer = machine.run("image", "--no-push")
    assert answer.code == 0
    assert not calls(machine, "login")
    (build,) = calls(machine, "buildx build")
    assert "--output type=cacheonly" in build
    assert "type=registry" not in build
    assert not {"--push", "--cache-to", "--cache-from", "--provenance"} & set(build.split())


@pytest.mark.parametrize(
    ("driver", "builder"), [("docker", "ci-image"), ("docker-container", ""), ("kubernetes", ""), ("remote", "")]
)
def test_a_builder_that_can_set_times_and_keep_its_cache_is_used_or_made(
    machine: Checkout, driver: str, builder: str
) -> None:
    for _ in range(2):
        assert machine.run("image", **LOGIN, DRIVER=driver).code == 0
        assert (machine.home / "build").read_text().splitlines()[0] == builder
    made = calls(machine, "buildx create")
    assert made == (["buildx create --name ci-image --driver docker-container"] if builder else [])


def test_a_build_that_fails_is_red_and_prints_no_digest(machine: Checkout) -> None:
    docker = machine.home / "bin" / "docker"
    docker.write_text(docker.read_text().replace('"buildx build"*)\n', '"buildx build"*) exit 1\n'))
    output = machine.home / "output"
    answer = machine.run("image", **LOGIN, GITHUB_ACTIONS="true", GITHUB_OUTPUT=str(output))
    assert (answer.code, answer.line, output.exists()) == (1, "", False)
    assert "image: failed: the image was not built and pushed" in answer.text


def test_a_builder_that_is_made_trusts_the_companys_ca(machine: Checkout) -> None:
    machine.write(ca_pem="-----BEGIN CERTIFICATE-----\n")
    machine.commit("Name the CA")
    answer = machine.run("image", **LOGIN, DRIVER="docker", REGISTRY_CA="ca.pem")
    assert answer.code == 0, answer.text
    (made,) = calls(machine, "buildx create")
    builder = (machine.home / "build").read_text().splitlines()[0]
    assert builder.startswith("ci-image-")
    assert f"buildx create --name {builder} --driver docker-container --config " in made
    config = tomllib.loads((machine.home / "buildkitd.toml").read_text())
    assert config == {"registry": {"docker.io": {"ca": [str(machine.path / "ca.pem")]}}}


def test_a_ca_that_is_not_there_is_reported_before_anything_is_asked_of_docker(machine: Checkout) -> None:
    answer = machine.run("image", **LOGIN, REGISTRY_CA="nowhere.pem")
    assert answer.code == 1
    assert "REGISTRY_CA names 'nowhere.pem', which is no file here" in answer.text
    assert not calls(machine, "login")


# --- a registry at localhost, as a project that is tried on one machine has it ---------------------


@pytest.fixture
def on_one_machine(machine: Checkout) -> Checkout:
    machine.write(gitops_yaml=PROJECT.replace("docker.io", "localhost:5001"))
    machine.commit("Try it here")
    return machine


def test_a_registry_at_localhost_is_pushed_to_without_a_login_by_a_builder_that_is_on_this_machine(
    on_one_machine: Checkout,
) -> None:
    answer = on_one_machine.run("image")
    assert answer.line == DIGEST, answer.text
    revision = on_one_machine.git("rev-parse", "HEAD")
    calls = (on_one_machine.home / "docker.calls").read_text()
    assert "\nlogin" not in calls
    assert "buildx create --name ci-image-localhost --driver docker-container --driver-opt network=host\n" in calls
    assert f"--tag localhost:5001/acme/hello-api:{revision} --output type=registry " in calls
    assert (on_one_machine.home / "build").read_text().startswith("ci-image-localhost\n")


def test_a_builder_that_was_chosen_for_that_is_taken(on_one_machine: Checkout) -> None:
    assert on_one_machine.run("image", BUILDX_BUILDER="mine").line == DIGEST
    assert "buildx create" not in (on_one_machine.home / "docker.calls").read_text()
    assert (on_one_machine.home / "build").read_text().startswith("mine\n")


def test_a_layout_is_written_for_a_registry_that_docker_does_not_reach(on_one_machine: Checkout) -> None:
    answer = on_one_machine.run("image", "--layout=/tmp/there", DRIVER="docker")
    assert answer.line == DIGEST, answer.text
    calls = (on_one_machine.home / "docker.calls").read_text()
    assert " --output type=oci,tar=false,dest=/tmp/there --provenance mode=max " in calls
    assert "network=host" not in calls
    assert "is in /tmp/there" in answer.text


@pytest.mark.parametrize("host", ["localhost.example.com", "docker.io"])
def test_another_registry_is_not_asked_without_a_login(machine: Checkout, host: str) -> None:
    machine.write(gitops_yaml=PROJECT.replace("docker.io", host))
    machine.commit()
    assert machine.run("image").code == 1
    assert "REGISTRY_USERNAME is not set" in machine.run("image").text
