"""A secret shows only where it is revealed."""

import pytest

from installer.secret import Secret, redact


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget those that this process has met before: one of them may be a letter of these texts."""
    monkeypatch.setattr("installer.secret._known", set())


def test_hides_in_every_way_to_print_it() -> None:
    secret = Secret("tok-123456")
    for text in (str(secret), repr(secret), f"{secret}", f"{secret!r}", repr([secret]), "%s" % secret):  # noqa: UP031
        assert "tok-123456" not in text
    assert secret.reveal() == "tok-123456"


def test_is_blotted_out_of_any_text_even_where_one_contains_another() -> None:
    Secret("abcdef")
    Secret("abcdefghi")
    assert redact("x abcdefghi y abcdef z") == "x *** y *** z"


def test_a_fingerprint_recognises_its_secret_and_no_other() -> None:
    fingerprint = Secret("one").fingerprint()
    assert Secret("one").matches(fingerprint)
    assert not Secret("two").matches(fingerprint)
    assert "one" not in fingerprint
    assert Secret("one").fingerprint() != fingerprint, "a salt makes each one different"


def test_an_empty_one_is_missing() -> None:
    assert not Secret("")
    assert redact("text") == "text"
