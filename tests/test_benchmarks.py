"""What benchmarks share: tables, percentiles, and a plot that a browser reads."""

import xml.etree.ElementTree as ElementTree

import pytest

from benchmarks.machine import machine, percentile, table
from benchmarks.plot import stacked


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [([3, 1, 2], 50, 2), ([1], 95, 1), (list(range(1, 21)), 95, 19), ([5, 1], 100, 5)],
)
def test_a_percentile_is_one_of_the_values(values: list[float], percent: float, expected: float) -> None:
    assert percentile(values, percent) == expected


def test_a_table_is_markdown() -> None:
    assert table(("way", "s"), [["ours", "6"]]) == "| way | s |\n| --- | --- |\n| ours | 6 |"


def test_a_run_says_when_and_where_it_was() -> None:
    assert " UTC · " in machine()
    assert " cores · load " in machine()


def test_bars_are_as_long_as_what_they_stand_for_and_names_are_text() -> None:
    tree = ElementTree.fromstring(stacked("a < b", {"ours": {"image": 10, "live": 5}, "theirs": {"image": 60}}))
    space = "{http://www.w3.org/2000/svg}"
    bars = [float(each.attrib["width"]) for each in tree.iter(f"{space}rect") if each.attrib.get("height") == "24"]
    assert bars == pytest.approx([bars[2] / 6, bars[2] / 12, bars[2]], rel=0.01)
    assert [each.text for each in tree.iter(f"{space}text")] == [
        "a < b", "image", "live", "ours", "15 s", "theirs", "60 s"
    ]  # fmt: skip
