"""The reference says what the code does."""

import pytest

from installer.config import settings_file
from tests import reference


@pytest.mark.parametrize("name", sorted(reference.PAGES))
def test_a_page_that_is_made_from_the_code_is_current(name: str) -> None:
    written = (reference.FOLDER / name).read_text(encoding="utf-8")
    assert written == reference.pages()[name], "uv run python -m tests.reference"


def test_no_command_and_no_setting_is_left_out() -> None:
    assert reference.pages().keys() == reference.PAGES
    text = reference.command_line()
    assert [verb for verb in reference.cli.commands if f"## gitops-flask {verb}\n" not in text] == []
    rows = reference.settings().splitlines()
    wanted = [where for where, *_ in settings_file._FIELDS.values()]
    wanted += [*settings_file._FILES.values(), *settings_file._OTHERS]
    places = [where.replace("scm.", "<host>.") for where in wanted]
    assert [place for place in places if sum(row.startswith(f"| `{place}` |") for row in rows) != 1] == []
    assert reference.OTHERS.keys() == set(settings_file._OTHERS)
