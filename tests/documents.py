"""What `--json` prints, checked against the schemas that docs/ publishes."""

import json
from typing import Any

import jsonschema_rs

from tests.conftest import ROOT


def valid(verb: str, text: str) -> dict[str, Any]:
    """Return a document that its published schema allows."""
    document: dict[str, Any] = json.loads(text)
    schema = json.loads((ROOT / "docs/reference/schemas" / f"{verb}.json").read_text())
    jsonschema_rs.validator_for(schema).validate(document)
    return document
