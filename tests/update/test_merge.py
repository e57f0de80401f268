"""What becomes of a project's files: over real git, two updates in a row, however the team merges.

All cases are in one project, each in a folder of its own, and are updated together.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from .story import START, WAYS, Files, Story

pytestmark = pytest.mark.slow

LIB, TEST = START["ci/lib.sh"], START["ci/test"]


@dataclass(frozen=True)
class Case:
    """What the team does, what the template does, and what is there afterwards; twice."""

    work: tuple[Files, Files]
    released: tuple[Files, Files]
    then: tuple[Files, Files]
    conflicts: tuple[list[str], list[str]] = field(default_factory=lambda: ([], []))
    resolved: Files | None = None
    moves: tuple[tuple[str, ...], ...] = ()


def lib(**lines: str) -> str:
    """Return ci/lib.sh with other lines: `n3` is the fourth."""
    text = LIB
    for name, line in lines.items():
        text = text.replace(f"line {name[1:]}\n", f"{line}\n")
    return text


def image(digest: str = "", third: str = "three") -> str:
    return f"FROM python:3.13-slim-trixie{digest}\nRUN one\nRUN two\nRUN {third}\nCMD run\n"


def workflow(pin: str = "bbb # v1", third: str = "three") -> str:
    return f"jobs:\n- uses: checkout@{pin}\n- run: one\n- run: two\n- run: {third}\n"


def pyproject(flask: str = "3.1.3") -> str:
    return f'[project]\nname = "web"\ndependencies = [\n    "flask>={flask}",\n    "pydantic>=2",\n]\n'


def pinned(version: str, digit: str, hashes: int = 2) -> str:
    lines = "".join(f" \\\n    --hash=sha256:{digit * 63}{number}" for number in range(hashes))
    return f"# uv, by its hashes\nuv=={version}{lines}\n"


A, B = f"@sha256:{'a' * 64}", f"@sha256:{'b' * 64}"
BOTH = "<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> template\n"
CASES = {
    "edited apart": Case(
        ({"ci/lib.sh": lib(n1="ours")}, {"ci/lib.sh": lib(n1="ours", n11="ours", n6="theirs")}),
        ({"ci/lib.sh": lib(n6="theirs")}, {"ci/lib.sh": lib(n6="theirs again")}),
        ({"ci/lib.sh": lib(n1="ours", n6="theirs")}, {"ci/lib.sh": lib(n1="ours", n6="theirs again", n11="ours")}),
    ),
    "edited together": Case(
        ({"ci/lib.sh": lib(n3="ours")}, {}),
        ({"ci/lib.sh": lib(n3="theirs")}, {"ci/lib.sh": lib(n3="theirs", n9="theirs")}),
        ({"ci/lib.sh": lib(n3="both")}, {"ci/lib.sh": lib(n3="both", n9="theirs")}),
        (["ci/lib.sh: changed here and in the template"], []),
        {"ci/lib.sh": lib(n3="both")},
    ),
    "edited alike": Case(
        ({"ci/lib.sh": lib(n3="same")}, {}),
        ({"ci/lib.sh": lib(n3="same")}, {"ci/lib.sh": lib(n3="other")}),
        ({"ci/lib.sh": lib(n3="same")}, {"ci/lib.sh": lib(n3="other")}),
    ),
    "deleted here": Case(
        ({"ci/lib.sh": None, "src/web/example.py": None, "src/web/app.py": "print(1)\n"}, {}),
        (
            {"ci/lib.sh": lib(n3="theirs"), "src/web/example.py": "EXAMPLE = 2\n"},
            {"ci/lib.sh": lib(n3="again"), "src/web/example.py": "EXAMPLE = 3\n"},
        ),
        ({"ci/lib.sh": None, "src/web/example.py": None}, {"ci/lib.sh": None, "src/web/example.py": None}),
    ),
    "deleted there": Case(
        ({"ci/lib.sh": lib(n3="ours")}, {}),
        ({"ci/lib.sh": None}, {"ci/test": None}),
        ({"ci/lib.sh": lib(n3="ours")}, {"ci/lib.sh": lib(n3="ours"), "ci/test": None}),
    ),
    "renamed here": Case(
        ({"ci/lib.sh": None, "ci/ours.sh": lib(n1="ours")}, {}),
        ({"ci/lib.sh": lib(n6="theirs")}, {"ci/lib.sh": lib(n6="again")}),
        ({"ci/lib.sh": None, "ci/ours.sh": lib(n1="ours", n6="theirs")}, {"ci/ours.sh": lib(n1="ours", n6="again")}),
    ),
    "renamed there": Case(
        ({"ci/lib.sh": lib(n1="ours")}, {"ci/theirs.sh": lib(n1="ours", n6="theirs", n11="ours")}),
        ({"ci/lib.sh": None, "ci/theirs.sh": lib(n6="theirs")}, {"ci/theirs.sh": lib(n6="again")}),
        (
            {"ci/lib.sh": None, "ci/theirs.sh": lib(n1="ours", n6="theirs")},
            {"ci/lib.sh": None, "ci/theirs.sh": lib(n1="ours", n6="again", n11="ours")},
        ),
    ),
    "renamed here and there": Case(
        ({"ci/lib.sh": None, "ci/ours.sh": LIB}, {}),
        ({"ci/lib.sh": None, "ci/theirs.sh": lib(n6="theirs")}, {"ci/theirs.sh": lib(n6="again")}),
        ({"ci/lib.sh": None, "ci/ours.sh": lib(n6="theirs"), "ci/theirs.sh": None}, {"ci/ours.sh": lib(n6="again")}),
        (["ci/ours.sh: moved here and in the template, to two names; it stays where you have it"], []),
    ),
    "a folder moved": Case(
        ({}, {}),
        (
            {"ci/lib.sh": lib(n6="theirs"), "ci/new.sh": "new\n"},
            {"ci/lib.sh": lib(n6="again"), "ci/test": TEST + "step\n"},
        ),
        (
            {"build/ci/lib.sh": lib(n6="theirs"), "build/ci/new.sh": "new\n", "ci/lib.sh": None, "ci/new.sh": None},
            {"build/ci/lib.sh": lib(n6="again"), "build/ci/test": TEST + "step\n", "ci/test": None},
        ),
        moves=(("mv", "ci", "build/ci"),),
    ),
    "line endings": Case(
        (
            {".gitattributes": "* -text\n", "ci/lib.sh": lib(n1="ours").replace("\n", "\r\n"),
             "src/web/tools.py": START["src/web/tools.py"].replace("\n", "\r\n")},
            {},
        ),
        (
            {"ci/lib.sh": lib(n6="theirs"), "src/web/tools.py": "TOOLS = 2\nMORE = 2\n"},
            {"ci/lib.sh": lib(n6="again"), "src/web/tools.py": "TOOLS = 3\n"},
        ),
        (
            {"ci/lib.sh": lib(n1="ours", n6="theirs").replace("\n", "\r\n"),
             "src/web/tools.py": "TOOLS = 2\r\nMORE = 2\r\n"},
            {"ci/lib.sh": lib(n1="ours", n6="again").replace("\n", "\r\n"), "src/web/tools.py": "TOOLS = 3\r\n"},
        ),
    ),
    "yours, unchanged": Case(
        ({}, {}),
        ({"src/web/tools.py": "TOOLS = 2\n", "README.md": "# New\n"}, {"src/web/more.py": "MORE = 1\n"}),
        ({"src/web/tools.py": "TOOLS = 2\n", "README.md": "# New\n"}, {"src/web/more.py": "MORE = 1\n"}),
    ),
    "yours, changed": Case(
        ({"src/web/tools.py": "TOOLS = 1\nMORE = 2\nAND = 3\nOURS = 4\n", "README.md": "# Ours\n"}, {}),
        ({"src/web/tools.py": "TOOLS = 2\n", "README.md": "# New\n"}, {"src/web/tools.py": None}),
        (
            {"src/web/tools.py": "TOOLS = 1\nMORE = 2\nAND = 3\nOURS = 4\n", "README.md": "# Ours\n"},
            {"src/web/tools.py": "TOOLS = 1\nMORE = 2\nAND = 3\nOURS = 4\n"},
        ),
    ),
    "yours, moved": Case(
        ({}, {}),
        ({"src/web/tools.py": "TOOLS = 1\nMORE = 2\nAND = 4\n"},
         {"src/web/tools.py": "TOOLS = 1\nMORE = 2\nAND = 5\n"}),
        ({"src/web/lib/tools.py": "TOOLS = 1\nMORE = 2\nAND = 4\n", "src/web/tools.py": None},
         {"src/web/lib/tools.py": "TOOLS = 1\nMORE = 2\nAND = 5\n", "src/web/tools.py": None}),
        moves=(("mv", "src/web/tools.py", "src/web/lib/tools.py"),),
    ),
    "yours, renamed there": Case(
        ({"src/web/tools.py": START["src/web/tools.py"] + "OURS = 4\n"}, {}),
        ({"src/web/tools.py": None, "src/web/kit.py": START["src/web/tools.py"]}, {"src/web/kit.py": "KIT = 1\n"}),
        (
            {"src/web/tools.py": None, "src/web/kit.py": START["src/web/tools.py"] + "OURS = 4\n"},
            {"src/web/kit.py": START["src/web/tools.py"] + "OURS = 4\n"},
        ),
    ),
    "a module that is dropped, and used here": Case(
        ({"src/web/ours.py": "from .example import EXAMPLE\n"}, {"src/web/ours.py": "EXAMPLE = 1\n"}),
        (
            {"src/web/example.py": None, "src/web/app.py": "print(1)\n", "src/web/tools.py": None},
            {"ci/lib.sh": lib(n6="theirs")},
        ),
        (
            {"src/web/example.py": "EXAMPLE = 1\n", "src/web/app.py": "print(1)\n", "src/web/tools.py": None},
            {"ci/lib.sh": lib(n6="theirs")},
        ),
    ),
    "made here and there": Case(
        ({"ci/new": "ours\n", "src/web/new.py": "OURS = 1\n"}, {}),
        ({"ci/new": "theirs\n", "src/web/new.py": "THEIRS = 1\n"}, {"src/web/new.py": "THEIRS = 2\n"}),
        ({"ci/new": "both\n", "src/web/new.py": "OURS = 1\n"}, {"ci/new": "both\n", "src/web/new.py": "OURS = 1\n"}),
        (["ci/new: made here and in the template"], []),
        {"ci/new": "both\n"},
    ),
    "migrations": Case(
        ({"src/web/migrations/versions/0002_ours.py": "down_revision = '0001'\n"}, {}),
        (
            {"src/web/migrations/versions/0002_theirs.py": "down_revision = '0001'\n"},
            {"src/web/migrations/versions/0001_notes.py": None},
        ),
        (
            {"src/web/migrations/versions/0002_theirs.py": None},
            {"src/web/migrations/versions/0001_notes.py": "revision = '0001'\n"},
        ),
    ),
    "Dependabot's pins": Case(
        (
            {"Dockerfile": image("@sha256:1"), ".github/workflows/test.yml": workflow("ccc # v2")},
            {"Dockerfile": image("@sha256:2", "four")},
        ),
        (
            {"Dockerfile": image("", "four"), ".github/workflows/test.yml": workflow("bbb # v1", "four")},
            {"Dockerfile": image("", "five")},
        ),
        (
            {"Dockerfile": image("@sha256:1", "four"), ".github/workflows/test.yml": workflow("ccc # v2", "four")},
            {"Dockerfile": image("@sha256:2", "five")},
        ),
    ),
    "Dependabot and the template": Case(
        (
            {"Dockerfile": image(A), ".github/workflows/test.yml": workflow(f"{'c' * 40} # v2.1.0"),
             "pyproject.toml": pyproject("3.2.0"), "ci/uv.txt": pinned("0.14.1", "c")},
            {"pyproject.toml": pyproject("3.3.0"), "ci/uv.txt": pinned("0.14.2", "d")},
        ),
        (
            {"Dockerfile": image(B), ".github/workflows/test.yml": workflow(f"{'d' * 40} # v2.0.0"),
             "pyproject.toml": pyproject("3.1.4"), "ci/uv.txt": pinned("0.15.0", "e")},
            {"pyproject.toml": pyproject("3.2.1"), "ci/uv.txt": pinned("0.15.1", "f")},
        ),
        (
            {"Dockerfile": image(A), ".github/workflows/test.yml": workflow(f"{'c' * 40} # v2.1.0"),
             "pyproject.toml": pyproject("3.2.0"), "ci/uv.txt": pinned("0.15.0", "e")},
            {"pyproject.toml": pyproject("3.3.0"), "ci/uv.txt": pinned("0.15.1", "f")},
        ),
    ),
}  # fmt: skip
MORE = {
    "pyproject.toml": pyproject(),
    "ci/uv.txt": pinned("0.13.9", "a", 3),
    ".github/workflows/test.yml": workflow(),
    "src/web/migrations/versions/0001_notes.py": "revision = '0001'\n",
}


def of(name: str, files: Files) -> dict[str, str | None]:
    """Put files into the folder of a case; each line says so, else git would find files moved from case to case."""
    mark = [*CASES].index(name)
    return {
        f"{name}/{path}": text and re.sub(r"(\S)(?=\r?\n)", rf"\1 #{mark}", text) if "git" not in path else text
        for path, text in files.items()
    }


def everywhere(files: Mapping[str, Files]) -> dict[str, str | None]:
    return {path: text for name, each in files.items() for path, text in of(name, each).items()}


SOON = [way if way == "squash" else pytest.param(way, marks=pytest.mark.all) for way in WAYS]


@dataclass(frozen=True)
class Round:
    """What an update said, and the files that are there after it was merged."""

    conflicts: Sequence[str]
    files: Mapping[str, str | None]
    offered_again: bool


@pytest.fixture(scope="module", params=SOON)
def rounds(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Round]:
    plain = {name: text for name, text in START.items() if not name.startswith(".git")}
    start = everywhere({name: {**plain, **MORE} for name in CASES})
    story = Story(tmp_path_factory.mktemp("cases"), {".gitops-flask.yaml": START[".gitops-flask.yaml"], **start})
    found = []
    for number, moves in ((0, [(name, move) for name, case in CASES.items() for move in case.moves]), (1, [])):
        for name, (_, _, target) in moves:
            (story.project / name / target).parent.mkdir(parents=True, exist_ok=True)
        work = everywhere({name: case.work[number] for name, case in CASES.items()})
        story.work(work, *((verb, f"{name}/{old}", f"{name}/{new}") for name, (verb, old, new) in moves))
        story.release(f"{number + 2}.0.0", everywhere({name: case.released[number] for name, case in CASES.items()}))
        resolved = everywhere({name: case.resolved or {} for name, case in CASES.items()})
        made = story.update(request.param, None if number else resolved)
        names = everywhere({name: case.then[number] for name, case in CASES.items()})
        files = {name: story.text(name) for name in names}
        found.append(Round(made.merged.conflicts, files, story.prepare() is not None))
    return found


@pytest.mark.parametrize("number", [0, 1], ids=["first update", "second update"])
@pytest.mark.parametrize("name", CASES)
def test_an_update_leaves_what_the_team_did_and_brings_what_the_template_did(
    name: str, number: int, rounds: list[Round]
) -> None:
    case, seen = CASES[name], rounds[number]
    then = of(name, case.then[number])
    assert {path: seen.files[path] for path in then} == then
    assert [c for c in seen.conflicts if c.startswith(f"{name}/")] == [f"{name}/{c}" for c in case.conflicts[number]]


def test_an_update_that_was_merged_is_not_offered_again(rounds: list[Round]) -> None:
    assert [each.offered_again for each in rounds] == [False, False]


def test_a_conflict_has_gits_own_markers(tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.work({"ci/lib.sh": lib(n3="ours")})
    story.release("2.0.0", {"ci/lib.sh": lib(n3="theirs")})

    made = story.prepare()

    assert made
    assert story.git("show", f"{made.commit}:ci/lib.sh") + "\n" == LIB.replace("line 3\n", BOTH)
    assert made.merged.conflicts == ("ci/lib.sh: changed here and in the template",)


@pytest.mark.parametrize("way", SOON)
def test_modes_come_along_and_stay(way: str, tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.work({}, ("update-index", "--chmod=-x", "ci/test"), ("checkout", "ci/test"))
    story.release("2.0.0", {"ci/test": TEST + "step\n", "ci/lib.sh": "#!/bin/sh\n" + LIB})

    made = story.update(way)

    assert not made.merged.conflicts
    modes = dict(line.split()[::3] for line in map(str, story.git("ls-files", "--stage", "ci").splitlines()))
    assert modes == {"100644": "ci/test", "100755": "ci/lib.sh"}
    story.release("3.0.0", {"ci/test": TEST + "other\n"})
    story.update(way)
    assert story.git("ls-files", "--stage", "ci/test").startswith("100644")
    assert story.text("ci/test") == TEST + "other\n"


@pytest.mark.parametrize("way", SOON)
def test_a_new_question_has_its_default_and_one_that_is_dropped_is_forgotten(way: str, tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.release("2.0.0", {"team.txt": "{{ cookiecutter.team }}\n"}, {"team": "{{ cookiecutter.project_slug }}-team"})
    made = story.update(way)
    assert story.text("team.txt") == "web-team\n"
    assert made.news == (
        "new question team: web-team (the default; another one: gitops-flask template update --set team=…)",
    )

    story.work({"team.txt": "web-team\nours\n"})
    made = story.update(way, team="platform")
    assert made.merged.conflicts, "the same line, and the one below it, were changed"

    del story.questions["team"]
    story.release("3.0.0", {"team.txt": None})
    made = story.update(way)
    assert made.news == ("team is not asked any more",)


def test_a_version_may_be_skipped(tmp_path: Path) -> None:
    story = Story(tmp_path)
    story.release("2.0.0", {"ci/lib.sh": lib(n3="two")})
    assert story.prepare()
    story.release("3.0.0", {"ci/lib.sh": lib(n3="three")})
    assert story.update("squash").before.version == "1.0.0"
    assert story.text("ci/lib.sh") == lib(n3="three")


def test_a_repository_with_sha256_is_updated_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as git:
        git.setenv("GIT_DEFAULT_HASH", "sha256")
        story = Story(tmp_path)
    assert len(story.git("rev-parse", "main")) == 64
    story.work({"ci/lib.sh": lib(n3="ours"), "ci/test": None})
    story.release("2.0.0", {"ci/lib.sh": lib(n9="theirs"), "ci/test": TEST + "step\n", "src/web/tools.py": None})

    made = story.update("squash")

    assert not made.merged.conflicts
    assert story.text("ci/lib.sh") == lib(n3="ours", n9="theirs")
    assert (story.text("ci/test"), story.text("src/web/tools.py")) == (None, None)
    assert story.prepare() is None
