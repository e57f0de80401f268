"""YAML that others wrote: read within bounds, since PyYAML takes seconds for a few thousand brackets."""

from collections.abc import Hashable
from typing import Any

import yaml
from yaml.error import MarkedYAMLError

LONGEST = 1 << 18
BRACKETS = 500
"""More than any file has that is read here; that many, one in the other, take a third of a second."""


class Strict(yaml.SafeLoader):
    """Read what people write: a key that stands there twice is an error, where YAML's readers take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002
        """Build a mapping; raise MarkedYAMLError where a key is there twice."""
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise MarkedYAMLError(problem=f"{key.value} is there twice", problem_mark=key.start_mark)
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def load(text: str) -> Any:
    """Read a text; raise YAMLError where it is none, or is out of bounds."""
    if len(text) > LONGEST:
        raise yaml.YAMLError(f"it is longer than {LONGEST} characters")
    if max(map(text.count, "[{")) > BRACKETS:
        raise yaml.YAMLError(f"it has more than {BRACKETS} brackets")
    return yaml.safe_load(text)
