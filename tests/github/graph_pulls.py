"""Pull requests as GraphQL sees them."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .model import Repository, Token
from .wire import UnmodelledError

if TYPE_CHECKING:
    from .stand_in import GitHub

Fields = dict[str, Any]


class PullObjects:
    def __init__(self, github: "GitHub", token: Token, repository: Callable[[Repository], Fields]) -> None:
        self._github = github
        self._token = token
        self._repository = repository

    def create(self, sent: Fields) -> Fields:
        raise UnmodelledError("pull requests")

    merge = enable_auto_merge = create

    def node(self, id: str) -> Fields:  # noqa: A002  # GraphQL's name
        raise UnmodelledError("node")

    def one(self, repository: Repository, number: int) -> Fields:
        raise UnmodelledError("pull requests")

    def several(self, repository: Repository, **given: Any) -> Fields:
        raise UnmodelledError("pull requests")
