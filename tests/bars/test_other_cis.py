"""The files of CircleCI and Travis CI before their schemas, and the scripts that only they run before shellcheck."""

import subprocess
from pathlib import Path

import pytest

from tests.bars.test_files import SUPPRESSED, run, suppressed
from tests.conftest import Bake, BakedProject

FILES = {"circleci": (".circleci/config.yml", "vendor.circle-ci"), "travis-ci": (".travis.yml", "vendor.travis")}


@pytest.fixture(scope="module", params=FILES)
def baked(request: pytest.FixtureRequest, bake: Bake) -> BakedProject:
    return bake(ci=request.param, database="postgresql")


def judged(schema: str, file: Path) -> "subprocess.CompletedProcess[str]":
    command = ["check-jsonschema", "--builtin-schema", schema, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_is_as_the_schema_wants_it(baked: BakedProject) -> None:
    file, schema = FILES[baked.answers["ci"]]
    done = judged(schema, baked.path / file)
    assert done.returncode == 0, done.stdout


def test_the_schema_finds_what_is_wrong(baked: BakedProject, tmp_path: Path) -> None:
    file, schema = FILES[baked.answers["ci"]]
    (tmp_path / "broken.yml").write_text(baked.text(file).replace("\njobs:\n", "\njobs: 7\nothers:\n", 1))
    assert judged(schema, tmp_path / "broken.yml").returncode == 1


def test_shellcheck_finds_nothing(baked: BakedProject) -> None:
    scripts = sorted(name for name in baked.files() if name.startswith("ci/"))
    assert f"ci/lib/on-{baked.answers['ci']}.sh" in scripts
    assert run(baked.path, "shellcheck", "--external-sources", *scripts) == ""


def test_these_are_all_the_exceptions(baked: BakedProject) -> None:
    elsewhere = {".github/workflows/deliver.yml", "ci/lib/on-github-actions.sh", "ci/tested"}
    expected = {name: words for name, words in SUPPRESSED.items() if name not in elsewhere}
    own = {f"ci/lib/on-{baked.answers['ci']}.sh": ["shellcheck shell=bash", "shellcheck disable=SC2034"]}
    assert suppressed(baked) == expected | own
