"""What `--help` shows first: the commands, in sections."""

import re
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from installer.cli import cli

from .gitops_yaml import tree

SECTIONS = {
    "Start": ["try", "new"],
    "Project": ["doctor", "plan", "up", "status", "open", "down"],
    "Deployments": ["promote", "rollback", "deploy"],
    "Template": ["template"],
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


@pytest.mark.parametrize("name", ["status", "open", "rollback", "deploy"])
def test_a_command_that_is_about_one_environment_takes_its_name_and_refuses_another(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GH_TOKEN", "a-token")
    (tmp_path / "gitops.yaml").write_text(yaml.safe_dump(tree()))
    carried_out: list[str] = []
    for function in ("status.status", "up.open_", "rollback.rollback", "deploy.deploy"):
        monkeypatch.setattr(f"installer.commands.{function}", lambda *_, **__: carried_out.append(name) or True)
    arguments = [name, "--project", str(tmp_path), *(["--break-glass", "x"] if name == "deploy" else [])]

    refused = CliRunner().invoke(cli, [*arguments, "--env", "prod"])
    assert refused.exit_code == 2
    says = "web has no environment 'prod', only dev. To add one: add deploy/NAME.yaml, name"
    assert says in refused.output
    assert carried_out == []

    for more in ([], ["--env", "dev"]):
        assert CliRunner().invoke(cli, [*arguments, *more]).exit_code == 0
    assert carried_out == [name, name]
