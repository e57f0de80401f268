"""A git server in the cluster as code host: real git, and a kubectl that runs on this machine what a pod would."""

import json
import subprocess
import threading
from pathlib import Path

import pytest

from installer.cluster.kubectl import Cluster
from installer.engine.resource import Change
from installer.forges import lock
from installer.forges.git import Clone
from installer.forges.local.api import Way
from installer.forges.local.repository import LocalGit, NoKeys
from installer.forges.lock import RepositoryLock
from installer.resources.initial_push import InitialPush
from installer.resources.local_repository import RestoredRecord
from installer.support.errors import CommandFailed, InstallerError
from tests.documented import commands

from .clones import git
from .cluster import apply, change_of
from .local import LOCAL, RUNNING, Server, clone, server

__all__ = ["clone", "server"]
URL = LOCAL.clone_url


def push(server: Server, clone: Path, branch: str = "main") -> str:
    Clone(clone).push(URL, branch, server.git.login)
    return git(clone, "rev-parse", "HEAD")


def test_the_address_is_argo_cds_and_git_reaches_it_through_the_kubeconfig(server: Server, clone: Path) -> None:
    assert URL == "git://web-git.argocd.svc:9418/acme/web.git" == LOCAL.source_url
    Clone(clone).connect(URL)
    head = push(server, clone)
    assert git(server.bare, "rev-parse", "main") == head == git(clone, "rev-parse", "refs/remotes/origin/main")
    (call,) = server.calls("git-receive-pack")
    assert call.startswith("exec --stdin --quiet --context kind-gitops-flask --namespace argocd deployment/web-git -- ")
    assert git(clone, "remote", "get-url", "origin") == URL, "nothing of the way there is left in the clone"
    assert "ext::" not in (clone / ".git/config").read_text()


def test_a_clone_of_ours_fetches_from_there_a_part_of_the_history_and_single_commits(
    server: Server, clone: Path, tmp_path: Path
) -> None:
    first = push(server, clone)
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "Second")
    push(server, clone)
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "--quiet")
    for key, value in {"remote.origin.url": URL, **server.git.login.reaching(URL)}.items():
        git(other, "config", key, value)
    git(other, "fetch", "--quiet", "--filter=blob:none", "origin", "main")
    assert git(other, "rev-list", "--count", "FETCH_HEAD") == "2"
    git(other, "fetch", "--quiet", "--depth=1", "origin", first)
    assert git(other, "rev-parse", "FETCH_HEAD") == first


def test_what_verbs_read_is_what_git_has(server: Server, clone: Path) -> None:
    host = server.git
    assert (host.head("main"), host.file("gitops.yaml", "main"), host.top("main")) == (None, None, {})
    assert (host.branches(), host.tags(), list(host.commits("main"))) == ({}, [], [])
    git(clone, "config", "user.name", "Ada")
    (clone / "link").symlink_to("gitops.yaml")
    git(clone, "add", ".")
    git(clone, "commit", "--quiet", "--message", "Add a link\n\nBecause:\n\n- it is one")
    head = push(server, clone)
    push(server, clone, "env/dev")
    git(server.bare, "tag", "v1", head)
    assert host.find() == {"full_name": "acme/web"}
    assert host.head("main") == host.head("env/dev") == head
    assert host.file("gitops.yaml", "main") == host.file("gitops.yaml", head) == "version: 1\n"
    assert host.file("chart", "main") is None, "a folder is no file"
    assert host.file("no", "main") is None
    assert host.top("main") == {"chart": "tree", "gitops.yaml": "file", "link": "blob"}
    assert host.branches() == {"main": head, "env/dev": head}
    assert host.tags() == ["v1"]
    newest, oldest = host.commits("main")
    assert (host.count("main", oldest.sha), host.count(head, "main")) == (1, 0)
    assert (newest.sha, newest.message.strip()) == (head, "Add a link\n\nBecause:\n\n- it is one")
    assert oldest.message.strip() == "Start"
    assert host.check(head, "test") == ""
    assert host.variables() == {}
    assert not host.redirects_here("https://github.com/acme/web")


def test_words_that_a_shell_would_obey_are_words(server: Server, clone: Path, tmp_path: Path) -> None:
    push(server, clone)
    evil = tmp_path / "evil"
    for word in (f"$(touch {evil})", f"main; touch {evil}", "--output=x"):
        assert server.git.head(word) is None
        assert server.git.file(word, "main") is None
    assert not evil.exists()


def test_without_the_server_nothing_is_there_and_a_broken_one_counts_as_such(server: Server) -> None:
    broken = {**RUNNING, "status": {"observedGeneration": 1, "replicas": 1, "unavailableReplicas": 1}}
    for deployment in (None, broken):
        (server.folder / "deployment").unlink()
        if deployment:
            server.deploy(deployment)
        assert server.git.find() is None
        assert server.git.head("main") is None
        assert server.git.notes("") == {}
        assert server.git.count("main", "env/dev") == 0
        with pytest.raises(InstallerError, match="is not up"):
            server.git.note("N").make("x")
        server.deploy()


def test_a_pod_that_is_just_starting_is_asked_again_and_another_refusal_is_reported(
    server: Server, clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("installer.support.wait.time.sleep", lambda _: None)
    head = push(server, clone)
    server.fail_once('error: unable to upgrade connection: container not found ("repository")')
    assert server.git.head("main") == head
    server.fail_once("Error from server (Forbidden): pods is forbidden: User cannot create resource pods/exec")
    with pytest.raises(CommandFailed, match="Forbidden"):
        server.git.head("main")


def test_the_how_tos_command_clones_the_project_on_another_machine(server: Server, clone: Path, tmp_path: Path) -> None:
    head = push(server, clone)
    (command,) = [line for line in commands("docs/how-to/try.md") if " clone git://" in line]
    in_the_pod = "/git/local/hello-api.git"
    assert command.count(in_the_pod) == 1
    served = command.replace(in_the_pod, str(server.bare))
    subprocess.run(["bash", "-c", served], cwd=tmp_path, check=True, capture_output=True)
    cloned = tmp_path / "hello-api"
    assert git(cloned, "rev-parse", "HEAD") == head
    assert git(cloned, "remote", "get-url", "origin") == "git://hello-api-git.argocd.svc:9418/local/hello-api.git"
    (call,) = server.calls("exec")[-1:]
    assert "--context dev --namespace argocd deployment/hello-api-git -- git-upload-pack" in call


def test_a_refusal_names_the_pod_and_what_was_said_without_the_script_that_is_in_the_address(server: Server) -> None:
    address = (
        "https://10.0.0.1:10250/exec/argocd/web-git-1/repository?command=sh&command=-c&command=cd+%2Fgit%3B&error=1"
    )
    server.fail_once(f'Error from server: error dialing backend: Post "{address}": http: server gave HTTP response')
    with pytest.raises(CommandFailed) as refused:
        server.git.head("main")
    said = "Error from server: error dialing backend: http: server gave HTTP response"
    assert refused.value.message == f"`kubectl exec deployment/web-git` failed (1): {said}"
    server.fail_once(f'Error from server: Get "{address}": dial tcp 10.0.0.1:10250: i/o timeout')
    with pytest.raises(InstallerError) as refused_:
        server.git.head("main")
    assert refused_.value.message.endswith("cannot be reached: Error from server: dial tcp 10.0.0.1:10250: i/o timeout")


def test_a_push_that_is_no_fast_forward_is_refused_with_the_way_out(server: Server, clone: Path) -> None:
    push(server, clone)
    git(clone, "commit", "--quiet", "--amend", "--message", "Another start")
    with pytest.raises(CommandFailed) as refused:
        push(server, clone)
    assert refused.value.fix == "The server's main has commits that are not here: `gitops-flask deploy` fetches them."


def test_a_context_is_needed_since_the_current_one_may_be_another_cluster_tomorrow(server: Server) -> None:
    with pytest.raises(InstallerError) as refused:
        LocalGit(Cluster(None), LOCAL).head("main")
    assert refused.value.fix == "Set local.context in gitops.yaml."


def test_nobody_needs_a_deploy_key() -> None:
    assert NoKeys().list() == []
    with pytest.raises(InstallerError, match="no deploy keys"):
        NoKeys().add("gitops-flask: web", "ssh-ed25519 AAAA")


# --- the lock, a ref ------------------------------------------------------------------------------


def test_a_note_is_a_ref_that_no_clone_sees(server: Server, clone: Path) -> None:
    push(server, clone)
    note = server.git.note("GITOPS_FLASK_UP_1")
    assert note.read() is None
    assert note.renew("nobody made it") is False
    note.make(json.dumps({"by": "ada@laptop"}))
    assert note.read() == '{"by": "ada@laptop"}'
    assert note.renew('{"by": "ada", "renewals": 2}') is True
    ((name, (text, age)),) = server.git.notes("GITOPS_FLASK_UP").items()
    assert (name, text) == ("GITOPS_FLASK_UP_1", '{"by": "ada", "renewals": 2}')
    assert 0 <= age < 60
    assert server.git.notes("OTHER") == {}
    listed = ["git", *server.git.login.options, "ls-remote", URL]
    seen = subprocess.run(listed, cwd=clone, capture_output=True, text=True, check=True).stdout
    assert "GITOPS_FLASK_UP" not in seen
    with pytest.raises(CommandFailed):
        note.make("a second one of that name")
    assert "update-ref -d refs/gitops-flask/GITOPS_FLASK_UP_1" in note.removed_by
    note.delete()
    note.delete()
    assert note.read() is None


def test_of_two_runs_one_has_the_project_and_the_other_hears_whose_it_is(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "CONTENTION_TIMEOUT", 0.1)
    machines = iter(["here", "there"])
    monkeypatch.setattr(lock, "machine", lambda: next(machines))
    monkeypatch.setattr(RepositoryLock, "_here", lambda *_: None)  # the second one is on another machine
    with RepositoryLock(server.git).held():
        with pytest.raises(InstallerError) as held, RepositoryLock(server.git).held():
            pytest.fail("both have it")
        assert "Another `up` is at work on acme/web" in held.value.message
        assert "kubectl exec --context kind-gitops-flask --namespace argocd deployment/web-git" in held.value.fix
    assert server.git.notes("") == {}


def test_of_writes_at_once_git_takes_one(server: Server) -> None:
    outcomes: list[bool] = []

    def make() -> None:
        try:
            server.git.note("ONE").make("x")
            outcomes.append(True)
        except CommandFailed:
            outcomes.append(False)

    threads = [threading.Thread(target=make) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(outcomes) == [False, False, False, True]


# --- what `up` pushes -----------------------------------------------------------------------------


def test_the_first_push_is_that_of_every_code_host(server: Server, clone: Path) -> None:
    push_ = InitialPush(LOCAL, server.git, server.git.login, Clone(clone))
    assert push_.lane == "cluster"
    apply(push_)
    assert server.git.head("main") == git(clone, "rev-parse", "HEAD")
    assert change_of(push_) is None
    assert git(clone, "remote", "get-url", "origin") == URL


def test_a_record_that_the_server_lost_comes_back_as_the_clone_saw_it(server: Server, clone: Path) -> None:
    record = RestoredRecord(LOCAL, server.git, server.git.login, Clone(clone))
    assert change_of(record) is None, "a clone that never saw one has nothing to restore"
    held = git(clone, "commit-tree", "HEAD^{tree}", "-m", "Hold")
    git(clone, "update-ref", "refs/remotes/origin/env/dev", held)
    change = change_of(record)
    assert change == Change(
        "create", note="the server has none; restored as this clone saw it last, a hold in it as well"
    )
    record.apply(None, change)
    assert server.git.head("env/dev") == held
    assert change_of(record) is None
    assert record.removal(held) == "stays"


def test_git_of_the_person_keeps_its_own_settings(server: Server) -> None:
    way = server.git.login
    assert isinstance(way, Way)
    assert way.options[:2][0] == "-c"
    assert way.variables["GIT_TERMINAL_PROMPT"] == "0"
    assert {"protocol.ext.allow", "GIT_CONFIG_GLOBAL"} & set(way.variables) == set()
