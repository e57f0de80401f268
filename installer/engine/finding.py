"""What a check found."""

from dataclasses import dataclass

from .resource import Lane


@dataclass(frozen=True)
class Finding:
    """One sentence; where something is wrong, also how to fix it."""

    lane: Lane
    what: str
    fix: str = ""
    """Empty where all is well."""
    stops: bool = True
    """False for what is worth knowing and stands in nobody's way."""

    @property
    def problem(self) -> bool:
        """Return whether this must be repaired first."""
        return bool(self.fix) and self.stops

    def __str__(self) -> str:
        return f"{self.what}\n  → {self.fix}" if self.fix else self.what
