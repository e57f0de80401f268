"""A secret shows only where it is revealed."""

import pytest

from installer.support.secret import Secret, address, redact


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget those that this process has met before: one of them may be a letter of these texts."""
    monkeypatch.setattr("installer.support.secret._known", set())


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


@pytest.mark.parametrize("value", ["pässwörd", "пароль", "token…", "\udcff", "🔑"])
def test_one_that_is_not_ascii_is_compared_and_recognised_like_any_other(value: str) -> None:
    secret = Secret(value)
    assert secret == Secret(value)
    assert secret != Secret(value + "x")
    assert secret.matches(secret.fingerprint())
    assert not Secret("another").matches(secret.fingerprint())
    assert redact(f"denied: {value}") == "denied: ***"


@pytest.mark.parametrize("stored", ["", ":", "salt", "sälz:ff", "salt:äß", "\udcff:\udcff"])
def test_a_fingerprint_that_somebody_else_stored_is_no_match_and_no_error(stored: str) -> None:
    assert not Secret("one").matches(stored)


def test_is_blotted_out_as_a_program_repeats_it_in_json() -> None:
    Secret('a "quoted" pässwörd')
    assert redact(r'{"password": "a \"quoted\" p\u00e4ssw\u00f6rd"}') == '{"password": "***"}'


@pytest.mark.parametrize(
    "said",
    [
        "postgresql://web:p%40ss-word@db/web",
        "postgresql+psycopg://web:p%40ss-word@db/web",
        'password authentication failed: "p@ss-word"',
        "could not translate host p%40ss-word",
    ],
)
def test_of_an_address_its_password_is_a_secret_by_itself_as_it_is_written_and_as_it_is_meant(said: str) -> None:
    assert address("postgresql://web:p%40ss-word@db/web").reveal() == "postgresql://web:p%40ss-word@db/web"
    assert "ss-word" not in redact(said)


def test_a_password_among_an_addresss_parameters_is_one_too_and_a_short_one_spoils_no_words() -> None:
    address("postgresql://db/web?user=web&password=long%2Bsecret")
    address("http://me:a@proxy:3128")
    assert redact("long%2Bsecret long+secret a word") == "*** *** a word"
    assert redact("http://me:a@proxy:3128") == "***"
