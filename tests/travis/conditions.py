"""Travis CI's conditions, version 1, as far as `.travis.yml` uses them: anything else fails."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tests.ci_runner.machine import Unmodelled

TOKEN = re.compile(r"\s*(\(|\)|,|!=|=|[A-Za-z_][\w-]*)")


@dataclass
class _Reader:
    words: list[str]
    facts: Mapping[str, str]
    env: Mapping[str, str]

    def take(self, *expected: str) -> str:
        if not self.words or (expected and self.words[0].upper() not in expected):
            raise Unmodelled(f"condition: {' '.join(self.words)} (expected {expected or 'more'})")
        return self.words.pop(0)

    def sees(self, word: str) -> bool:
        return bool(self.words) and self.words[0].upper() == word

    def any_of(self) -> bool:
        found = self.all_of()
        while self.sees("OR"):
            self.take()
            found = self.all_of() or found
        return found

    def all_of(self) -> bool:
        found = self.one()
        while self.sees("AND"):
            self.take()
            found = self.one() and found
        return found

    def one(self) -> bool:
        if self.sees("NOT"):
            self.take()
            return not self.one()
        if self.sees("("):
            self.take()
            found = self.any_of()
            self.take(")")
            return found
        left = self.value()
        operator = self.take("=", "!=", "IN").upper()
        if operator == "IN":
            self.take("(")
            listed = [self.take()]
            while self.sees(","):
                self.take()
                listed.append(self.take())
            self.take(")")
            return left in listed
        return (left == self.take()) == (operator == "=")

    def value(self) -> str:
        name = self.take()
        if name == "env":
            self.take("(")
            variable = self.take()
            self.take(")")
            return self.env.get(variable, "")
        if name not in self.facts:
            raise Unmodelled(f"condition: {name}")
        return self.facts[name]


def holds(condition: str, facts: Mapping[str, str], env: Mapping[str, str]) -> bool:
    """Tell whether a condition holds; `facts` are Travis' own attributes, like `branch` and `type`."""
    words, at = [], 0
    while at < len(condition.rstrip()):
        match = TOKEN.match(condition, at)
        if match is None:
            raise Unmodelled(f"condition: {condition[at:]}")
        words.append(match[1])
        at = match.end()
    reader = _Reader(words, facts, env)
    found = reader.any_of()
    if reader.words:
        raise Unmodelled(f"condition: {' '.join(reader.words)}")
    return found
