"""What `--help` shows first: the commands, in sections."""

import re

from click.testing import CliRunner

from installer.cli import cli

SECTIONS = {
    "Start": ["new"],
    "Project": ["doctor", "plan", "up", "status", "open", "down"],
    "Deployments": ["rollback"],
}


def test_help_lists_every_command_once_in_its_section_and_no_sentence_is_cut_off_at_eighty_columns() -> None:
    text = CliRunner().invoke(cli, ["--help"], terminal_width=80).output
    listed: dict[str, list[str]] = {}
    for section, rows in re.findall(r"^(\w+):\n((?:  .+\n)+)", text.partition("Options:")[2], re.MULTILINE):
        rows = [row.split(maxsplit=1) for row in rows.splitlines()]
        assert all(sentence.endswith(".") and not sentence.endswith("...") for _, sentence in rows), rows
        listed[section] = [name for name, _ in rows]
    assert listed == SECTIONS
    assert sorted(cli.commands) == sorted(name for names in listed.values() for name in names)
