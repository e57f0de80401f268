"""A conflict in which both sides only moved a pin is none."""

import pytest

from installer.update.merge import resolved


def conflict(ours: str, theirs: str) -> str:
    return f"before\n<<<<<<< HEAD\n{ours}\n=======\n{theirs}\n>>>>>>> template\nafter\n"


SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        ('    "flask>=3.1.3",', '    "flask>=3.10",'),
        (f"- uses: actions/checkout@{SHA} # v7.0.1", f"- uses: actions/checkout@{SHA[::-1]} # v7.1.0"),
        ("FROM python:3.13-slim-trixie AS one", "FROM python:3.14-slim-trixie AS one"),
        ('requires = ["uv_build>=0.13.9,<0.14"]', 'requires = ["uv_build>=0.14.1,<0.15"]'),
        (
            f"uv==0.13.9 \\\n  --hash=sha256:{SHA}",
            f"uv==0.14.0 \\\n  --hash=sha256:{SHA} \\\n  --hash=sha256:{SHA[::-1]}",
        ),
    ],
)
def test_the_newer_pin_stays_whichever_side_has_it(older: str, newer: str) -> None:
    for text in (conflict(older, newer), conflict(newer, older)):
        assert resolved(text) == f"before\n{newer}\nafter\n"


def test_of_two_digests_the_projects_stays() -> None:
    assert resolved(conflict(f"FROM a@sha256:{SHA}", f"FROM a@sha256:{SHA[::-1]}")) == (
        f"before\nFROM a@sha256:{SHA}\nafter\n"
    )


def test_a_digest_goes_with_its_version_where_the_two_are_apart() -> None:
    text = conflict("version: 1.2.0", "version: 1.3.0") + conflict(f"sha: {SHA}", f"sha: {SHA[::-1]}")
    assert resolved(text) == f"before\nversion: 1.3.0\nafter\nbefore\nsha: {SHA[::-1]}\nafter\n"


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("RUN ours", "RUN theirs"),
        ('    "flask>=3.1.3",', '    "flask>=3.1.3,<4",'),
        ("a==1.2\nb==1.3", "a==1.2"),
        ("replicas: 2", "replicas: 3"),
        ("cpu: 0.5", "cpu: 0.7"),
        ("PORT=8000", "PORT=8080"),
        ("", "a==1.2"),
        ("TIMEOUT_ours=3", "TIMEOUT_theirs=4"),
    ],
)
def test_anything_more_stays_a_conflict(ours: str, theirs: str) -> None:
    assert resolved(conflict(ours, theirs)) is None


def test_of_two_pins_of_which_each_side_moved_one_both_are_taken_unless_a_digest_belongs_to_one() -> None:
    text = conflict("a==1.2\nb==1.3", "a==1.3\nb==1.2")
    assert resolved(text) == "before\na==1.3\nb==1.3\nafter\n"
    assert resolved(text + conflict(f"sha: {SHA}", f"sha: {SHA[::-1]}")) is None
