import pytest

from installer.cluster.argocd import knows, scan_command, ssh_host

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
# made by `ssh-keygen -H` of the line `github.com …`
HASHED = "|1|+ZM7jbgPKIInE6UJwVylAtS98z0=|MWEOZT0qpg90EXDvzInjGmYI350="


@pytest.mark.parametrize(
    ("url", "host", "command"),
    [
        ("ssh://git@ghe.example.com/acme/web.git", "ghe.example.com", "ssh-keyscan ghe.example.com"),
        ("ssh://git@ghe.example.com:22/acme/web.git", "ghe.example.com", "ssh-keyscan ghe.example.com"),
        ("ssh://git@ghe.example.com:2222/a/b.git", "[ghe.example.com]:2222", "ssh-keyscan -p 2222 ghe.example.com"),
    ],
)
def test_a_host_is_spelt_as_in_known_hosts(url: str, host: str, command: str) -> None:
    assert ssh_host(url) == host
    assert scan_command(host) == command


def test_https_needs_no_host_key() -> None:
    assert ssh_host("https://github.com/acme/web.git") == ""


@pytest.mark.parametrize(
    ("lines", "known"),
    [
        (f"ghe.example.com {KEY}", True),
        (f"# ghe.example.com {KEY}\n\nother,ghe.example.com {KEY}", True),
        (f"ghe.example.com.evil {KEY}", False),
        (f"|1|no|base64 {KEY}", False),
        ("", False),
    ],
)
def test_a_line_names_the_host_or_not(lines: str, *, known: bool) -> None:
    assert knows(lines, "ghe.example.com") is known


def test_a_hashed_line_is_recognised() -> None:
    assert knows(f"{HASHED} {KEY}", "github.com")
    assert not knows(f"{HASHED} {KEY}", "gitlab.com")
