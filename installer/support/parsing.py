"""What others answered, read: what cannot be understood of it is an error that names them, and no traceback."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, ParamSpec, TypeVar, cast

from .errors import InstallerError
from .plain_text import one_line

Object = dict[str, Any]
"""An object of Kubernetes: what its manifest, or the API server, says of it."""
Objects = list[Object]
Given = ParamSpec("Given")
Read = TypeVar("Read")
UNREADABLE = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What Python raises where a text, or a tree, has another shape than it should."""
_FIX = "Is there a proxy or a login page in between, or a version that nobody has tried? Then run this again."


class Unreadable(InstallerError):
    """Say whose answer has a shape that nobody expected; the log has what Python said of it."""


def text(value: object) -> str:
    """Return a value that has to be text; raise TypeError where it is something else."""
    if isinstance(value, str):
        return value
    raise TypeError(f"{type(value).__name__} where text should be")


@contextmanager
def understood(whose: str, fix: str = _FIX) -> Iterator[None]:
    """Name `whose` words they are where a block cannot read them."""
    try:
        yield
    except UNREADABLE as error:
        reported = one_line(f"{whose} cannot be read: {type(error).__name__}: {error}")
        raise Unreadable(reported, fix) from error


def reading(whose: str, fix: str = _FIX) -> Callable[[Callable[Given, Read]], Callable[Given, Read]]:
    """Make a function that reads others' words name them where it cannot."""

    def decorate(function: Callable[Given, Read]) -> Callable[Given, Read]:
        if inspect.isgeneratorfunction(function):

            @wraps(function)
            def each(*arguments: Given.args, **options: Given.kwargs) -> Iterator[Any]:
                with understood(whose, fix):
                    yield from cast("Iterator[Any]", function(*arguments, **options))

            return cast("Callable[Given, Read]", each)

        @wraps(function)
        def once(*arguments: Given.args, **options: Given.kwargs) -> Read:
            with understood(whose, fix):
                return function(*arguments, **options)

        return once

    return decorate
