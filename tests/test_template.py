import os
import re
import subprocess
import sys
import zipfile
from fnmatch import fnmatch
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from cookiecutter.generate import generate_context
from cookiecutter.prompt import prompt_for_config

from installer import __version__
from installer.config.settings_file import load
from tests.conftest import PROJECT, ROOT, Bake, BakedProject, CommandLine
from tests.lock import LOCKS

ODD = 'O\'Neil "x" é \\ 🚀 {curly} $HOME #1: &yes'
ANSWERS: dict[str, dict[str, str]] = {
    "defaults": {},
    "odd texts": {"project_name": ODD, "description": ODD},
    "a number first": {"project_name": "3D printer"},
    "a very long name": {"project_name": "The service of a department with a very long name " * 2},
    "a name without letters": {"project_name": "42 & 1"},
    "GitHub Enterprise": {"host": "ghe.example.com", "owner": "Octo_acme", "registry_account": "octo"},
    "another registry": {"registry": "registry.example.com:5000", "registry_account": "team/sub-team"},
    "public, another Python": {"visibility": "public", "python_version": "3.14"},
    "a database": {"database": "postgresql"},
    "CircleCI": {"ci": "circleci"},
    "GitLab": {"scm": "gitlab", "owner": "acme/back.end"},
    "GitLab and a database": {"scm": "gitlab", "database": "postgresql"},
    "Travis CI and a database": {"ci": "travis-ci", "database": "postgresql"},
    "everything else than usual": {
        "project_name": ODD,
        "project_slug": "z" * 36,
        "description": ODD * 5,
        "owner": "A" * 39,
        "host": "ghe." + "x" * 50 + ".example.com",
        "visibility": "public",
        "registry": "registry.example.com:65535",
        "registry_account": "team/sub-team.of_many" * 9,
        "python_version": "3.12",
        "namespace": "n" * 63,
        "database": "postgresql",
    },
    "names of one's own": {"project_slug": "orders-v2", "namespace": "orders", "description": ""},
}
FILES, MORE_FOR_A_DATABASE = (
    set((ROOT / f"tests/{name}.txt").read_text(encoding="utf-8").split())
    for name in ("generated_files", "generated_files_with_database")
)
OF_ONE_CI = {
    "github-actions": {
        ".github/workflows/deploy.yml",
        ".github/workflows/pull-request.yml",
        ".github/workflows/promote.yml",
        ".github/workflows/rollback.yml",
        "ci/lib/on-github-actions.sh",
        "ci/lib/tested.py",
        "ci/tested",
    },
    "circleci": {".circleci/config.yml", "ci/lib/on-circleci.sh"},
    "travis-ci": {".travis.yml", "ci/lib/on-travis-ci.sh"},
    "gitlab-ci": {".gitlab-ci.yml", "ci/lib/on-gitlab-ci.sh"},
}
OF_GITHUB = {".github/dependabot.yml", "ci/lib/github.py"}


def _copied(name: str) -> bool:
    return name.startswith((".github/workflows/", "chart/README.md", "chart/templates/", "ci/"))


COPIED = [name for name in sorted(FILES) if _copied(name)]


SETS = [
    pytest.param(answers, id=name, marks=[pytest.mark.combinations] if answers else [])
    for name, answers in ANSWERS.items()
]


@pytest.fixture(scope="module", params=SETS)
def baked(request: pytest.FixtureRequest, bake: Bake) -> BakedProject:
    return bake(**request.param)


def test_the_project_has_exactly_these_files(baked: BakedProject) -> None:
    files = FILES | (MORE_FOR_A_DATABASE if baked.answers["database"] == "postgresql" else set())
    files = files - OF_ONE_CI["github-actions"] | OF_ONE_CI[baked.answers["ci"]]
    files -= OF_GITHUB if baked.answers["scm"] == "gitlab" else set()

    assert baked.files() == {name.replace("MODULE", baked.module) for name in files}


def test_no_braces_of_the_template_are_left(baked: BakedProject) -> None:
    rendered = {name for name in baked.files() if not _copied(name)}

    assert [name for name in rendered if re.search(r"cookiecutter\.|\{[{%#]|[%#]\}", baked.text(name))] == []


def test_copied_files_are_the_templates_byte_for_byte(baked: BakedProject) -> None:
    source = ROOT / PROJECT

    copied = [name for name in baked.files() if _copied(name)]
    assert [n for n in copied if (baked.path / n).read_bytes() != (source / n).read_bytes()] == []


def test_every_answer_arrives_where_it_is_read(baked: BakedProject) -> None:
    a = baked.answers
    name, description, slug = a["project_name"], a["description"], a["project_slug"]

    ci = {} if a["ci"] in ("github-actions", "gitlab-ci") else {"ci": a["ci"]}
    of_actions = {"deploy_from": "anywhere", "runner": ""} if a["ci"] == "github-actions" else {}
    of_github = {"reporter": "none", "reviews": 0} if a["scm"] == "github" else {}
    database = {} if a["database"] == "none" else {"database": a["database"]}
    assert baked.yaml("gitops.yaml") == {
        "version": 1,
        "generated_by": __version__,
        "requires": a["_requires"],
        "project": {"name": name, "slug": slug, "description": description, **ci, **database},
        a["scm"]: {
            "host": a["host"],
            "owner": a["owner"],
            "visibility": a["visibility"],
            **of_actions,
            **of_github,
            "ca": "",
        },
        "registry": {
            "host": a["registry"],
            "account": a["registry_account"],
            "visibility": "public" if a["registry"] == "docker.io" and a["visibility"] == "public" else "private",
            "ca": "",
            "reuse": "none",
        },
        "cluster": {"namespace": a["namespace"], "extra_kinds": []},
        "argocd": {"namespace": "argocd", "access": "ssh", "watcher": "auto", "url": "", "values": {}},
    }
    pyproject = baked.toml("pyproject.toml")["project"]
    assert (pyproject["name"], pyproject["description"]) == (slug, description)
    chart = baked.yaml("chart/Chart.yaml")
    assert (chart["name"], chart["description"]) == (slug, description)
    image = baked.yaml("chart/values.yaml")["image"]
    assert image["repository"] == f"{a['registry']}/{a['registry_account']}/{slug}"
    assert baked.text("Dockerfile").count(f"FROM python:{a['python_version']}-slim-trixie") == 2


def test_the_service_reads_the_secret_that_the_installer_looks_after(baked: BakedProject) -> None:
    settings, given = load(baked.path), baked.yaml("deploy/dev.yaml")
    wanted = {"DATABASE_URL": f"{settings.application}-database"} if settings.database == "postgresql" else None

    assert given.get("secrets") == wanted
    assert settings.database == baked.answers["database"]


def test_every_structured_file_can_be_read(baked: BakedProject) -> None:
    for name in baked.files():
        if name.endswith((".yaml", ".yml")) and not name.startswith("chart/templates/"):
            assert baked.yaml(name) is not None
        if name.endswith((".toml", ".lock")):
            assert baked.toml(name)
        if name.endswith(".json"):
            assert baked.json(name)


def test_the_lock_file_is_the_templates_under_the_projects_name(baked: BakedProject) -> None:
    template = (ROOT / PROJECT / LOCKS[baked.answers["database"]]).read_text(encoding="utf-8")

    assert baked.text("uv.lock") == template.replace("{{ cookiecutter.project_slug }}", baked.slug)
    own: list[Any] = [p for p in baked.toml("uv.lock")["package"] if p["source"].get("editable") == "."]
    assert [package["name"] for package in own] == [baked.slug]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Hello API", "hello-api"),
        ("3D printer", "app-3d-printer"),
        ("Ünïcode – ça va?", "unicode-ca-va"),
        ("!!! ?", "app"),
        ("x" * 60, "x" * 36),
        ("a " * 40, "-".join("a" * 18)),
    ],
)
def test_the_slug_is_made_from_the_name(name: str, slug: str) -> None:
    context = generate_context(str(ROOT / "cookiecutter.json"), extra_context={"project_name": name})

    assert prompt_for_config(context, no_input=True)["project_slug"] == slug


def test_scripts_can_be_run(project: BakedProject) -> None:
    scripts = [n for n in project.files() if n.startswith("ci/") and project.text(n).startswith("#!")]

    assert len(scripts) >= 5
    assert [name for name in scripts if not (project.path / name).stat().st_mode & 0o111] == []


def test_a_team_owns_no_more_lines_than_these(project: BakedProject) -> None:
    pinned = {"uv.lock", "ci/chart.txt", "ci/uv.txt", ".gitops-flask.yaml"}  # written by programs, and edited by none
    lines = {name: len(project.text(name).splitlines()) for name in project.files() - pinned}
    scripts = sum(number for name, number in lines.items() if name.startswith("ci/"))

    assert sum(lines.values()) - scripts <= 2227
    assert scripts <= 1379


def test_a_laptop_has_the_python_the_database_and_the_checks_of_the_ci(project_with_database: BakedProject) -> None:
    text = project_with_database.text
    version = text(".python-version").strip()
    assert set(re.findall(r"^FROM python:([\d.]+)-", text("Dockerfile"), re.MULTILINE)) == {version}

    example = dict(line.split("=", 1) for line in text(".env.example").splitlines() if not line.startswith("#"))
    service = project_with_database.yaml("compose.yaml")["services"]["database"]
    address = urlsplit(example["DATABASE_URL"])
    assert address.password == service["environment"]["POSTGRES_PASSWORD"]
    assert service["ports"] == [f"127.0.0.1:{address.port}:5432"]
    settings = text(f"src/{project_with_database.module}/settings.py")
    assert [name for name in example if not re.search(rf"^    {name.lower()}: ", settings, re.MULTILINE)] == []
    assert ".env" in text(".gitignore").splitlines()

    hooks = project_with_database.yaml(".pre-commit-config.yaml")["repos"][0]["hooks"]
    checked = {hook["entry"].removeprefix("uv run ").removesuffix(" --fix") for hook in hooks}
    missing = [check for check in ("ruff check", "ruff format", "mypy") if check not in checked]
    assert missing == []
    assert [check for check in checked - {"uv lock --check"} if f"--no-sync {check}" not in text("ci/test")] == []


def test_text_files_end_lines_as_unix_does(project: BakedProject) -> None:
    assert [name for name in project.files() if b"\r" in (project.path / name).read_bytes()] == []


def test_foreign_braces_are_copied_by_patterns_that_match_files_only(project: BakedProject) -> None:
    patterns = BakedProject(ROOT, {}).json("cookiecutter.json")["_copy_without_render"]
    folders = [str(p.relative_to(project.path)) for p in project.path.rglob("*") if p.is_dir()]

    assert [f for f in folders if any(fnmatch(f, p) for p in patterns)] == []
    assert [n for n in COPIED if not any(fnmatch(n, p) for p in patterns)] == []


def test_at_most_thirteen_questions_are_asked_and_each_is_explained() -> None:
    template = BakedProject(ROOT, {}).json("cookiecutter.json")
    asked = [name for name in template if not name.startswith("_")]

    assert len(asked) <= 13
    assert list(template["__prompts__"]) == asked


def test_one_version_of_uv_is_named_everywhere(project: BakedProject) -> None:
    (version,) = re.findall(r"^uv==(.+) \\$", project.text("ci/uv.txt"), re.MULTILINE)
    (build,) = project.toml("pyproject.toml")["build-system"]["requires"]

    assert build.startswith(f"uv_build>={version},<")
    for reader in ("Dockerfile", "ci/lib/ci.sh"):
        text = project.text(reader)
        assert "--require-hashes" in text
        assert not re.search(r"uv==|uv>=", text), "uv by another way than its hashes"


def test_one_version_of_the_charts_checker_is_named_everywhere(project: BakedProject) -> None:
    (version,) = re.findall(r"^kubernetes-validate==(.+) \\$", project.text("ci/chart.txt"), re.MULTILINE)
    assert f'"kubernetes-validate=={version}"' in (ROOT / "pyproject.toml").read_text()
    named = re.findall(r"^(\S+?)==\S+ (.)$", project.text("ci/chart.txt"), re.MULTILINE)
    assert len(named) >= 8
    assert {end for _, end in named} == {"\\"}, "each with its hashes"


@pytest.mark.slow
def test_a_uv_of_another_content_is_not_installed(project: BakedProject, tmp_path: Path) -> None:
    """Whoever serves it: a wheel with the right name and version whose hash is not in the list."""
    about = {
        "METADATA": "Metadata-Version: 2.1\nName: uv\nVersion: 0.13.9\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(tmp_path / "uv-0.13.9-py3-none-any.whl", "w") as packed:
        for name, content in about.items():
            packed.writestr(f"uv-0.13.9.dist-info/{name}", content)
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "venv")], check=True)
    options = ("--only-binary", ":all:", "--require-hashes", "--no-index", "--find-links", str(tmp_path))
    command = (str(tmp_path / "venv/bin/python"), "-m", "pip", "install", *options, "--requirement", "ci/uv.txt")
    done = subprocess.run(
        command, cwd=project.path, capture_output=True, text=True, env={"PATH": os.environ["PATH"]}, check=False
    )
    assert done.returncode != 0
    assert "DO NOT MATCH THE HASHES" in done.stderr


@pytest.mark.parametrize("name", ["README.md", "deploy/dev.yaml"])
@pytest.mark.parametrize("kind", ["project", "project_with_database"])
def test_paths_that_a_text_names_are_there(request: pytest.FixtureRequest, kind: str, name: str) -> None:
    project: BakedProject = request.getfixturevalue(kind)
    named = re.findall(r"(?<![\w/.])((?:src|tests|chart|ci|deploy|\.github)/[\w./-]*[\w/])", project.text(name))

    assert named
    assert [path for path in named if not (project.path / path).exists()] == []


def test_a_project_without_a_database_does_not_mention_one(project: BakedProject) -> None:
    mentioned = re.compile(r"postgres|sqlalchemy|alembic|psycopg|database", re.IGNORECASE)
    answers = {".gitops-flask.yaml"}  # every question, whatever was answered
    found = [name for name in project.files() - set(COPIED) - answers if mentioned.search(project.text(name))]

    assert found == []


def test_the_settings_the_chart_sets_are_settings_of_the_service(project: BakedProject) -> None:
    deployment = project.text("chart/templates/deployment.yaml")
    fields = re.findall(r"^    (\w+): \w+", project.text(f"src/{project.module}/settings.py"), re.MULTILINE)

    for variable in re.findall(r"- name: ([A-Z_]+)$", deployment, re.MULTILINE):
        assert variable.lower() in fields


def test_the_project_is_the_same_without_hooks(
    template: Path, project: BakedProject, command_line: CommandLine, tmp_path: Path
) -> None:
    command_line(tmp_path, "--accept-hooks", "no", str(template), check=True)
    bare = BakedProject(tmp_path / project.slug, {})

    others = OF_ONE_CI.keys() - {"github-actions"}
    assert bare.files() == project.files().union(*(OF_ONE_CI[ci] for ci in others)), "what the hook takes away"
    assert [n for n in project.files() if (bare.path / n).read_bytes() != (project.path / n).read_bytes()] == []
    assert [n for n in project.files() if (bare.path / n).stat().st_mode != (project.path / n).stat().st_mode] == []


def test_under_cruft_too_only_the_files_of_what_was_chosen_are_there(
    template: Path, project: BakedProject, command_line: CommandLine, tmp_path: Path
) -> None:
    answers = template / "cookiecutter.json"
    before = answers.read_text(encoding="utf-8")
    answers.write_text(before.replace("{", '{"_commit": "c0ffee",', 1), encoding="utf-8")  # as cruft sets it
    try:
        command_line(tmp_path, str(template), check=True)
    finally:
        answers.write_text(before, encoding="utf-8")

    assert BakedProject(tmp_path / project.slug, {}).files() == project.files()
    assert not (tmp_path / project.slug / ".circleci").exists()


def test_files_of_ones_own_stay_beside_those_that_the_hook_takes_away(
    template: Path, project: BakedProject, command_line: CommandLine, tmp_path: Path
) -> None:
    own = tmp_path / project.slug / ".circleci/own.yml"
    own.parent.mkdir(parents=True)
    own.touch()
    command_line(tmp_path, "-f", str(template), check=True)

    assert own.exists()
    assert not own.with_name("config.yml").exists()
