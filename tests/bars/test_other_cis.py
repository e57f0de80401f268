"""The other CIs' files before their vendors' schemas, and the scripts that only they run before shellcheck."""

import subprocess
from pathlib import Path

import pytest

from tests.bars.test_files import SUPPRESSED, run, scripts, suppressed
from tests.conftest import Bake, BakedProject

pytestmark = [pytest.mark.bars, pytest.mark.slow]

FILES = {
    "circleci": (".circleci/config.yml", "vendor.circle-ci", "\njobs:\n"),
    "travis-ci": (".travis.yml", "vendor.travis", "\njobs:\n"),
    "gitlab-ci": (".gitlab-ci.yml", "vendor.gitlab-ci", "\nworkflow:\n"),
}
"""By CI: its file, what its schema is called, and a word of it that must be no number."""


@pytest.fixture(scope="module", params=FILES)
def baked(request: pytest.FixtureRequest, bake: Bake) -> BakedProject:
    return bake(scm="gitlab" if request.param == "gitlab-ci" else "github", ci=request.param, database="postgresql")


def judged(schema: str, file: Path) -> "subprocess.CompletedProcess[str]":
    transform = ["--data-transform", "gitlab-ci"] if schema.endswith("gitlab-ci") else []  # its tags are its own
    command = ["check-jsonschema", "--builtin-schema", schema, *transform, str(file)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_file_is_as_the_schema_wants_it(baked: BakedProject) -> None:
    file, schema, _ = FILES[baked.answers["ci"]]
    done = judged(schema, baked.path / file)
    assert done.returncode == 0, done.stdout


def test_the_schema_finds_what_is_wrong(baked: BakedProject, tmp_path: Path) -> None:
    file, schema, word = FILES[baked.answers["ci"]]
    assert word in baked.text(file)
    (tmp_path / "broken.yml").write_text(baked.text(file).replace(word, f"{word.rstrip()} 7\nothers:\n", 1))
    assert judged(schema, tmp_path / "broken.yml").returncode == 1


def test_shellcheck_finds_nothing(baked: BakedProject) -> None:
    found = scripts(baked)
    assert f"ci/lib/on-{baked.answers['ci']}.sh" in found
    assert run(baked.path, "shellcheck", "--external-sources", *found) == ""


def test_these_are_all_the_exceptions(baked: BakedProject) -> None:
    expected = {name: words for name, words in SUPPRESSED.items() if name in baked.files()}
    own = {f"ci/lib/on-{baked.answers['ci']}.sh": ["shellcheck shell=bash disable=SC2034"]}
    assert suppressed(baked) == expected | own
