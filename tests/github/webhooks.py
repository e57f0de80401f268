"""Webhooks, as a repository keeps them."""

import uuid
from dataclasses import dataclass, field

from .clock import now, number


@dataclass(frozen=True)
class Delivery:
    """One delivery, and what came of it."""

    event: str
    status: str
    code: int
    duration: float
    guid: str = field(default_factory=lambda: str(uuid.uuid4()))
    id: int = field(default_factory=number)
    delivered_at: str = field(default_factory=now)


@dataclass
class Hook:
    url: str
    secret: str = field(repr=False)
    events: list[str]
    active: bool
    deliveries: list[Delivery] = field(default_factory=list)  # newest last
    id: int = field(default_factory=number)
    created_at: str = field(default_factory=now)
    updated_at: str = field(default_factory=now)
