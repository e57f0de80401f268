"""Programs that are fetched: from a server of the test's own, with right and wrong checksums."""

import hashlib
import http.server
import io
import os
import re
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from installer.commands import programs
from installer.commands.programs import RELEASES, Release
from installer.support.errors import InstallerError

pytestmark = pytest.mark.slow

SCRIPT = b"#!/bin/sh\necho fetched\n"
HERE = "linux-amd64"


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.cut = False

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/{path}"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        body = self.server.files.get(self.path)
        self.send_response(404 if body is None else 200)
        self.send_header("Content-Length", str(len(body or b"")))
        self.end_headers()
        self.wfile.write((body or b"")[: 5 if self.server.cut else None])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("PATH", os.environ["PATH"])
    monkeypatch.setattr(programs, "here", lambda: HERE)
    with Server() as served:
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield served
        served.shutdown()


def offer(server: Server, monkeypatch: pytest.MonkeyPatch, content: bytes, **more: Any) -> Release:
    """Offer a program called `tool` as its pinned release."""
    server.files[f"/1.2.3/{HERE}"] = content
    sums = {HERE: hashlib.sha256(content).hexdigest()}
    release = replace(Release("1.2.3", server.url("{version}/{os}-{arch}"), sums), **more)
    monkeypatch.setattr(programs, "RELEASES", {"tool": release})
    return release


def packed(name: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(SCRIPT)
        archive.addfile(member, io.BytesIO(SCRIPT))
    return out.getvalue()


def left(tmp_path: Path) -> list[str]:
    return [path.name for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def run(name: str) -> str:
    return subprocess.run([name], capture_output=True, text=True, check=True).stdout


def test_a_program_that_is_what_was_pinned_is_kept_found_and_fetched_once(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer(server, monkeypatch, SCRIPT)
    said: list[str] = []
    programs.fetch(["tool"], said.append)
    assert run("tool") == "fetched\n"
    assert said == [f"Fetching tool 1.2.3 from {server.url('1.2.3/linux-amd64')}"]
    programs.fetch(["tool"], said.append)
    assert server.asked == ["/1.2.3/linux-amd64"]
    assert left(tmp_path) == ["tool"]
    before = os.environ["PATH"]
    programs.use_fetched()
    assert os.environ["PATH"] == before, "it is there already"


def test_one_that_comes_in_an_archive_is_taken_out_of_it(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer(server, monkeypatch, packed("linux-amd64/tool"), member="{os}-{arch}/tool")
    programs.fetch(["tool"], lambda _: None)
    assert run("tool") == "fetched\n"
    assert left(tmp_path) == ["tool"]


def test_another_checksum_is_refused_and_nothing_of_the_file_is_kept(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    release = offer(server, monkeypatch, SCRIPT)
    server.files[f"/1.2.3/{HERE}"] = evil = b"#!/bin/sh\necho evil\n"
    with pytest.raises(InstallerError) as refused:
        programs.fetch(["tool"], lambda _: None)
    assert hashlib.sha256(evil).hexdigest() in refused.value.message
    assert release.sums[HERE] in refused.value.message
    assert refused.value.fix.startswith("Nothing of it is kept.")
    assert left(tmp_path) == []


def test_a_download_that_was_cut_is_no_program(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    offer(server, monkeypatch, SCRIPT)
    server.cut = True
    with pytest.raises(InstallerError):
        programs.fetch(["tool"], lambda _: None)
    assert left(tmp_path) == []
    server.cut = False
    programs.fetch(["tool"], lambda _: None)
    assert run("tool") == "fetched\n"


def test_an_archive_without_the_program_is_refused(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for content in (packed("linux-amd64/other"), b"no archive"):
        offer(server, monkeypatch, content, member="{os}-{arch}/tool")
        with pytest.raises(InstallerError, match="There is no linux-amd64/tool in what was fetched"):
            programs.fetch(["tool"], lambda _: None)
    assert left(tmp_path) == []


def test_what_the_server_answers_is_reported(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(server, monkeypatch, SCRIPT)
    server.files.clear()
    with pytest.raises(InstallerError, match=r"answered 404\."):
        programs.fetch(["tool"], lambda _: None)
    offer(server, monkeypatch, SCRIPT, address="http://127.0.0.1:9/{version}")
    with pytest.raises(InstallerError, match="could not be fetched: ConnectionError"):
        programs.fetch(["tool"], lambda _: None)


def test_a_machine_without_a_pinned_release_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "here", lambda: "linux-riscv64")
    assert not programs.can_fetch("kind")
    with pytest.raises(InstallerError, match="no pinned release of kind for linux-riscv64"):
        programs.fetch(["kind"], lambda _: None)


def test_a_cache_that_is_not_ours_to_write_is_one_sentence(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    offer(server, monkeypatch, SCRIPT)
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(InstallerError, match="tool cannot be kept in "):
        programs.fetch(["tool"], lambda _: None)


def test_every_pin_is_whole() -> None:
    machines = {"linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"}
    every = [value for release in RELEASES.values() for value in release.sums.values()]
    assert len(set(every)) == len(every) == 16
    for release in RELEASES.values():
        assert release.sums.keys() == machines
        assert all(re.fullmatch("[0-9a-f]{64}", value) for value in release.sums.values())
        assert all(release.url(machine).startswith("https://") for machine in machines)
        assert all(release.version in release.url(machine) for machine in machines)
