"""A small template with versions, a project made from it, and the three ways in which a team merges."""

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cookiecutter.main import cookiecutter

from installer.commands import first_commit
from installer.update import update as update_
from installer.update.render import Template
from installer.update.repository import Repository
from installer.update.update import Update

WAYS = ("merge", "squash", "rebase")
Files = Mapping[str, str | None]
START: dict[str, str] = {
    ".gitattributes": "* text=auto eol=lf\n",
    ".gitops-flask.yaml": (Path(__file__).parents[2] / "{{cookiecutter.project_slug}}/.gitops-flask.yaml").read_text(),
    "README.md": "# {{ cookiecutter.project_name }}\n",
    "Dockerfile": "FROM python:3.13-slim-trixie\nRUN one\nRUN two\nRUN three\nCMD run\n",
    "ci/test": "#!/bin/sh\n" + "".join(f"step {number}\n" for number in range(12)),
    "ci/lib.sh": "".join(f"line {number}\n" for number in range(12)),
    "src/web/__init__.py": "",
    "src/web/app.py": "from . import example\n\nprint(example)\n",
    "src/web/example.py": "EXAMPLE = 1\n",
    "src/web/tools.py": "TOOLS = 1\nMORE = 2\nAND = 3\n",
}


class Story:
    """`template` is changed by `release`, the project by `work`, and `update` brings the one to the other."""

    def __init__(self, root: Path, start: Mapping[str, str] | None = None, **answers: str) -> None:
        self.template, self.root = root / "template", root
        self.template.mkdir(parents=True)
        self.answers = {"project_name": "Web", "project_slug": "web", **answers}
        self.questions: dict[str, Any] = {
            **self.answers,
            "_generated_by": "1.0.0",
            "_tool": "git+https://example.com/org/gitops-flask@v1.0.0",
            "_yours": ["src/*", "*/src/*", "*README.md"],
            "_new_lines": "\n",
        }
        self.release("1.0.0", START if start is None else start)
        home = root / "home"
        home.mkdir()
        config = home / "config"
        config.write_text(json.dumps({"cookiecutters_dir": str(home), "replay_dir": str(home)}))
        made = cookiecutter(str(self.template), no_input=True, output_dir=str(root), config_file=str(config))
        self.project = Path(made)
        first_commit.make(self.project)
        self.rounds = 0

    def git(self, *words: str) -> str:
        env = {
            **os.environ,
            **{f"GIT_{who}_{what}": "Ann" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
        }
        done = subprocess.run(["git", *words], cwd=self.project, capture_output=True, text=True, check=False, env=env)
        assert done.returncode == 0, done.stderr + done.stdout
        return done.stdout.strip()

    def release(self, version: str, files: Files, questions: Mapping[str, Any] | None = None) -> None:
        """Write files of the template (None: there is none any more), and its version."""
        _write(self.template / "{{cookiecutter.project_slug}}", files)
        self.questions |= {"_generated_by": version, **(questions or {})}
        (self.template / "cookiecutter.json").write_text(json.dumps(self.questions))

    def work(self, files: Files, *commands: tuple[str, ...]) -> None:
        """Change files of the project, run git, and commit."""
        _write(self.project, files)
        for command in commands:
            self.git(*command)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "work")

    def prepare(self, **answers: str) -> Update | None:
        self.rounds += 1
        repository, scratch = Repository(self.project), self.root / f"scratch-{self.rounds}"
        main, template = repository.find("main"), Template(self.template)
        base = update_.base_of(repository, main, update_.recorded(repository, main), template, scratch)
        new = update_.rendered(repository, base, template, scratch, answers)
        return update_.prepare(repository, main, template, new, answers) if new.changed else None

    def update(self, way: str, resolved: Files | None = None, **answers: str) -> Update:
        """Update as a team does: others' work is merged meanwhile, conflicts are resolved on the branch."""
        made = self.prepare(**answers)
        assert made is not None, "nothing to update"
        self.git("branch", "--force", "gitops-flask/template", made.pristine)  # what the code host keeps
        self.work({f"work-{self.rounds}.txt": "work of others\n"})
        self.git("switch", "--quiet", "--create", "proposed", made.commit)
        if resolved:
            self.work(resolved)
        if way == "rebase":
            self.git("rebase", "--quiet", "main")
        self.git("switch", "--quiet", "main")
        if way == "squash":
            self.git("merge", "--quiet", "--squash", "proposed")
            self.git("commit", "--quiet", "--message", "Update (#1)")
        else:
            self.git("merge", "--quiet", "--no-edit", "--ff-only" if way == "rebase" else "--no-ff", "proposed")
        self.git("branch", "--quiet", "-D", "proposed")
        return made

    def text(self, name: str) -> str | None:
        file = self.project / name
        return file.read_bytes().decode() if file.exists() else None


def _write(folder: Path, files: Files) -> None:
    for name, text in files.items():
        file = folder / name
        if text is None:
            file.unlink()
            continue
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
        if text.startswith("#!"):
            file.chmod(0o755)
