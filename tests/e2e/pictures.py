"""Draw docs/images: what the verbs print on a terminal, recorded where the story plays. No test.

python -m tests.e2e.pictures docs/images       # with a cluster, as docs/testing.md says; it ends without Argo CD
"""

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

from rich.console import Console
from rich.text import Text

from tests.conftest import ROOT

from .actors import Developer
from .built_image import registry_image
from .stage import PROJECT, open_stage

WIDTH = 118
ANSWERS = {"project_name": PROJECT, "owner": "acme", "visibility": "public"}
"""As in the tutorial, but for the name."""
TRIED = "hello-api"
RECORDED = {"plan": (), "up": ("--yes",), "status": (), "doctor": ()}


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch, open_stage(Path(scratch)) as stage:
        developer = stage.developer
        stage.generate(*(f"{name}={value}" for name, value in ANSWERS.items()), install=False)
        developer.env["KUBECONFIG"] = a_context_called("dev", developer)
        colours = {"FORCE_COLOR": "1", "TTY_INTERACTIVE": "0", "COLUMNS": str(WIDTH)}
        env = {name: value for name, value in developer.env.items() if name != "NO_COLOR"} | colours
        seen, at = replace(developer, env=env), ("--project", str(developer.project))
        try:
            for verb, options in RECORDED.items():
                (folder / f"{verb}.svg").write_text(draw(verb, {verb: record(seen, seen.home, verb, *options, *at)}))
        finally:
            developer.installer("down", "--yes", "--argocd", "--confirm-argocd", "argocd")
        (folder / "try.svg").write_text(draw("try", loop(seen, Path(scratch))))


def loop(developer: Developer, scratch: Path) -> dict[str, str]:
    """Return what `try`, and a second deployment, print in the cluster that is there."""
    there = ("--context", "dev", "--confirm-context", "dev", "--registry-image", registry_image(scratch / "registry"))
    developer.project = developer.home / TRIED
    gone = ("--repository", "--confirm-repository", f"local/{TRIED}", "--argocd", "--confirm-argocd", "argocd")
    try:
        tried = record(developer, developer.home, "try", *there, "--yes", f"project_slug={TRIED}")
        module = next((developer.project / "src").glob("*/example.py"))
        module.write_text(f"{module.read_text()}\n\n# A change\n")
        developer.commit("Change it")
        return {"try --context dev": tried, "deploy": record(developer, developer.project, "deploy")}
    finally:
        developer.installer("down", "--yes", *gone)


def a_context_called(name: str, developer: Developer) -> str:
    """Return a kubeconfig with the same cluster under another name."""
    copy = developer.home / "kubeconfig"
    copy.write_text(developer.run("kubectl", "config", "view", "--raw", "--flatten", "--minify").stdout)
    current = developer.run("kubectl", "config", "current-context").stdout.strip()
    developer.run("kubectl", "config", "rename-context", current, name, f"--kubeconfig={copy}")
    return str(copy)


def record(developer: Developer, folder: Path, *words: str) -> str:
    """Return what a command prints, its colours included; whoever looks at it has another home."""
    printed = developer.run(str(Path(sys.executable).with_name("gitops-flask")), *words, cwd=folder).stdout
    for here, there in ((developer.home, "~"), (ROOT, "~/gitops-flask")):
        printed = printed.replace(str(here), there)
    return printed


def text_of(picture: str) -> str:
    """Return the words of a picture, line by line, with a space between any two."""
    lines: dict[float, list[tuple[float, str]]] = {}
    for element in ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}text"):
        lines.setdefault(float(element.attrib["y"]), []).append((float(element.attrib["x"]), element.text or ""))
    text = "\n".join("".join(words for _, words in sorted(line)) for _, line in sorted(lines.items()))
    return " ".join(text.split())


def draw(title: str, typed: Mapping[str, str]) -> str:
    """Return a picture of a terminal in which these commands were typed, one after the other."""
    console = Console(record=True, width=WIDTH, file=open("/dev/null", "w"), force_terminal=True)  # noqa: SIM115, PTH123
    for command, printed in typed.items():
        console.print(Text("$ ", style="bold green") + Text(f"gitops-flask {command}", style="bold"))
        console.print(Text.from_ansi(printed), soft_wrap=False)
    return console.export_svg(title=f"gitops-flask {title}", unique_id=title)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
