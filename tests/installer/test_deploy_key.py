import subprocess
from pathlib import Path

import pytest

from installer.forges.base import Pair, fingerprint, fingerprint_of_private
from installer.support.secret import Secret

# github.com's host key and its fingerprint, as GitHub publishes both
KNOWN = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
PRINT = "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


def test_a_fingerprint_is_the_one_that_github_shows_whatever_the_comment() -> None:
    assert fingerprint(KNOWN) == PRINT
    assert fingerprint(f"{KNOWN} someone@somewhere") == PRINT


@pytest.mark.parametrize("text", ["", "ssh-ed25519", "ssh-ed25519 not*base64"])
def test_what_is_no_key_has_no_fingerprint(text: str) -> None:
    assert fingerprint(text) == ""
    assert fingerprint_of_private(Secret(text)) == ""


def test_both_halves_of_a_pair_have_the_same_fingerprint() -> None:
    pair = Pair.make()
    assert fingerprint_of_private(pair.private) == fingerprint(pair.public)
    assert fingerprint(Pair.make().public) != fingerprint(pair.public)


def test_the_private_half_does_not_show() -> None:
    pair = Pair.make()
    assert "PRIVATE" not in repr(pair)
    assert pair.private.reveal().startswith("-----BEGIN OPENSSH PRIVATE KEY-----")


def test_ssh_keygen_reads_the_private_half(tmp_path: Path) -> None:
    pair = Pair.make()
    path = tmp_path / "key"
    path.touch(mode=0o600)
    path.write_text(pair.private.reveal())
    public = subprocess.run(["ssh-keygen", "-y", "-f", str(path)], check=True, capture_output=True, text=True).stdout
    assert public.split()[:2] == pair.public.split()[:2]
