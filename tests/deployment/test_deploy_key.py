"""DEPLOY_KEY: it pushes by ssh to a host whose keys are known, and no program inherits it."""

from pathlib import Path

import pytest

from installer.forges.base import Pair, fingerprint
from installer.support.wait import until
from tests.deployment.workspace import Answer, Checkout, Remote, write_program

pytestmark = pytest.mark.slow

KEYS = ["ssh-ed25519 AAAAone", "ecdsa-sha2-nistp256 AAAAtwo="]
TOKEN = "ghs_canary"
# What ssh was called with, what it inherited, what the agent has; then it lets git in as the server would.
SSH = """#!/bin/sh
printf '%s\\n' "$@" >"$0.arguments"
env >"$0.environment"
ssh-add -l >"$0.agent"
echo "$SSH_AGENT_PID" >"$0.pid"
for each; do case $each in UserKnownHostsFile=*) cp "$(echo "${{each#*=}}" | tr -d "'")" "$0.known" ;; esac; done
exec git-receive-pack {remote}
"""
CURL = """#!/bin/sh
cat >/dev/null
case "$*" in
  *https://api.example.com/meta) {meta} ;;
  *) exit 22 ;;
esac
"""


def deploy(laptop: Checkout, remote: Remote, key: str, meta: str, server: str = "https://github.com") -> Answer:
    write_program(laptop.home / "bin/ssh", SSH.format(remote=remote.path))
    write_program(laptop.home / "bin/curl", CURL.format(meta=meta))
    return laptop.run(
        "deploy",
        "--init",
        GITHUB_ACTIONS="true",
        GITHUB_SERVER_URL=server,
        GITHUB_REPOSITORY="acme/hello-api",
        GITHUB_API_URL="https://api.example.com",
        GITHUB_TOKEN=TOKEN,
        DEPLOY_KEY=key,
    )


def seen(laptop: Checkout, what: str) -> str:
    path = laptop.home / f"bin/ssh.{what}"
    return path.read_text() if path.exists() else ""


def published(*keys: str) -> str:
    listed = ", ".join(f'"{key}"' for key in keys)
    return f"""printf '{{\\n  "web": ["1.2.3.4/5"],\\n  "ssh_keys": [{listed}],\\n  "x": 1}}'"""


def test_it_pushes_to_the_host_with_the_keys_that_github_publishes_and_to_no_other(
    laptop: Checkout, remote: Remote
) -> None:
    pair = Pair.make()
    answer = deploy(laptop, remote, pair.private.reveal(), published(*KEYS))
    assert answer.line.startswith("deploy: done"), answer.text
    assert remote.revision() == laptop.git("rev-parse", "HEAD")
    arguments = seen(laptop, "arguments").splitlines()
    assert "StrictHostKeyChecking=yes" in arguments
    assert "GlobalKnownHostsFile=/dev/null" in arguments
    assert "git@github.com" in arguments
    assert seen(laptop, "known").splitlines() == [f"github.com {key}" for key in KEYS]


def test_an_agent_has_it_as_long_as_the_push_lasts_and_nobody_inherits_it(laptop: Checkout, remote: Remote) -> None:
    pair = Pair.make()
    key = pair.private.reveal()
    answer = deploy(laptop, remote, key, published(*KEYS))
    assert fingerprint(pair.public) in seen(laptop, "agent")
    body = key.splitlines()[1]
    told = answer.text + seen(laptop, "arguments") + seen(laptop, "environment") + laptop.git_calls()
    assert body not in told
    assert "DEPLOY_KEY" not in seen(laptop, "environment")
    agent = Path("/proc", seen(laptop, "pid").strip(), "cmdline")
    assert until(lambda: not agent.exists() or "ssh-agent" not in agent.read_text(), 5), "ten seconds is its own time"
    kept = [path for path in laptop.home.rglob("*") if path.is_file() and body in path.read_text(errors="replace")]
    assert kept == []


@pytest.mark.parametrize("keys", [[], None])
def test_a_server_that_publishes_no_keys_has_to_be_known_to_the_machine(
    laptop: Checkout, remote: Remote, keys: list[str] | None
) -> None:
    meta = published() if keys is not None else 'printf \'{"installed_version": "3.17.0"}\''
    answer = deploy(laptop, remote, Pair.make().private.reveal(), meta, "https://ghe.example.com")
    assert answer.line.startswith("deploy: done"), answer.text
    arguments = seen(laptop, "arguments").splitlines()
    assert "StrictHostKeyChecking=yes" in arguments
    assert not [each for each in arguments if "KnownHostsFile" in each]


def test_nothing_is_pushed_where_the_keys_cannot_be_asked_for(laptop: Checkout, remote: Remote) -> None:
    answer = deploy(laptop, remote, Pair.make().private.reveal(), "exit 22")
    assert answer.code == 1
    assert "GitHub did not return the keys of github.com" in answer.text
    assert "May this deploy key write to it?" in answer.line
    assert not remote.tip()
    assert not seen(laptop, "arguments")


def test_the_user_at_ghe_com_is_the_companys_own(laptop: Checkout, remote: Remote) -> None:
    deploy(laptop, remote, Pair.make().private.reveal(), published(*KEYS), "https://acme.ghe.com")
    assert "acme@acme.ghe.com" in seen(laptop, "arguments").splitlines()
