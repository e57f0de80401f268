"""A company's CA is trusted beside what the machine trusts, and only where the project names it."""

import os
import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path

import pytest
import requests

from installer.forges.github.api import GitHubRest
from installer.support import tls
from installer.support.errors import Untrusted
from installer.support.secret import Secret
from tests.github.authority import Authority

from .shells import unset


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A machine that trusts one CA."""
    folder = tmp_path / "machine"
    folder.mkdir()
    known = Authority(folder).certificate
    unset(monkeypatch, "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    monkeypatch.setenv("SSL_CERT_FILE", str(known))
    return known.read_text()


def test_without_a_ca_nothing_is_changed() -> None:
    assert tls.variables("") == {}
    assert tls.verify("") is True


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_bundle_that_is_not_there_is_reported_with_the_variable_that_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    monkeypatch.setenv(name, str(tmp_path / "gone.pem"))
    with pytest.raises(Untrusted, match=f"{name} names {tmp_path}/gone.pem, which is not there"):
        GitHubRest("github.com", Secret("t")).get("user")


def test_what_the_machine_trusts_stays_and_the_ca_comes_to_it(authority: Authority, machine: str) -> None:
    ca = tls.read(authority.certificate)
    given = tls.variables(ca)
    assert set(given) == {"SSL_CERT_FILE", "GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    (path,) = set(given.values())
    assert Path(path).read_text() == machine + ca
    assert tls.verify(ca) == path
    assert stat.S_IMODE(Path(path).stat().st_mode) == 0o600


def test_where_no_bundle_is_named_the_systems_is_kept(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    ca = tls.read(authority.certificate)
    text = tls.bundle(ca).read_text()
    assert text.endswith(ca)
    assert text.count("BEGIN CERTIFICATE") > 50
    first = Path(requests.certs.where()).read_text().partition("-----BEGIN")[2].partition("-----END")[0]
    assert first in text


def test_a_bundle_that_was_swept_away_is_written_again(authority: Authority) -> None:
    ca = tls.read(authority.certificate)
    path = tls.bundle(ca)
    path.unlink()
    assert tls.bundle(ca).read_text().endswith(ca)


def test_many_threads_that_ask_at_once_each_read_the_whole_bundle(
    authority: Authority, machine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ca = tls.read(authority.certificate)
    write, names, folders = Path.write_text, 12, set()

    def slowly(self: Path, text: str, **options: str) -> int:
        """Write as a busy disk does: the others run in the middle of it."""
        write(self, text[: len(text) // 2], **options)
        for _ in range(100):
            os.sched_yield()
        return write(self, text, **options)

    monkeypatch.setattr(Path, "write_text", slowly)
    monkeypatch.setattr(tls, "_folder", cache(tls._folder.__wrapped__))
    together = threading.Barrier(names)

    def ask(_: int) -> str:
        together.wait()
        path = tls.bundle(ca)
        folders.add(path.parent)
        return path.read_text()

    with ThreadPoolExecutor(names) as pool:
        assert set(pool.map(ask, range(names))) == {machine + ca}
    assert len(folders) == 1
    assert [path.suffix for path in folders.pop().iterdir()] == [".pem"]


def test_only_certificates_are_taken_out_of_a_file(authority: Authority, tmp_path: Path) -> None:
    ca = authority.certificate.read_text()
    noted = tmp_path / "noted.pem"
    noted.write_text(f"subject=CN = Company\r\n{ca}\n# as of today\n{ca}")
    assert tls.read(noted) == ca + ca


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read: No such file"),
        (b"", "holds no certificate"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no certificate"),
        (b"\x30\x82\x03\xff", "cannot be read: no text"),
        (b"-----BEGIN EC PRIVATE KEY-----\n", "holds a private key"),
    ],
)
def test_a_file_that_is_no_ca_is_refused_with_the_reason(tmp_path: Path, content: bytes | None, words: str) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ValueError, match=words):
        tls.read(file)
