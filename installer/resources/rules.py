"""Rules of two branches: `main` takes pull requests with green checks only, `env/dev` is never rewritten."""

from typing import Any

from ..github import GitHub
from ..refused import Refused
from ..resource import Change, Field, Lane, Resource, covers
from ..settings import Settings

CHECKS = ("test", "image", "chart")  # the jobs of pull-request.yml
_KEPT = ({"type": "deletion"}, {"type": "non_fast_forward"})


class Rules(Resource[dict[str, dict[str, Any]] | None]):
    """Two rulesets of the repository, last in the order: a rule must not stand in the way of the first push."""

    lane: Lane = "github"
    key = "rules"
    needs = ("content",)

    def __init__(self, settings: Settings, github: GitHub, checks: tuple[str, ...] = CHECKS) -> None:
        self._github = github
        self._url = settings.url
        self.title = f"rules of main and {settings.branch}"
        self._desired = {
            "gitops-flask: main": _ruleset("main", [_REVIEWED, _checked(checks)]),
            f"gitops-flask: {settings.branch}": _ruleset(settings.branch, []),
        }

    def observe(self) -> dict[str, dict[str, Any]] | None:
        """Return our rulesets by name; None where the account's plan has none for this repository."""
        path = self._github.path("rulesets")
        try:
            ours = [r for r in self._github.pages(path) if r["name"] in self._desired]
            return {r["name"]: self._github.call("GET", f"{path}/{r['id']}") for r in ours}
        except Refused as error:
            if error.status == 403 and "Upgrade" in error.reason:
                return None
            raise

    def blank(self) -> dict[str, dict[str, Any]] | None:
        """Return what is seen where nothing was made yet."""
        return {}

    def diff(self, seen: dict[str, dict[str, Any]] | None) -> Change | None:
        """Compare each ruleset with ours; parameters that GitHub adds of itself do not count."""
        if seen is None:
            return Change("unavailable", note="this plan has no rules for a private repository; main stays unprotected")
        fields = [
            Field(name, _shown(seen.get(name)), _shown(ruleset))
            for name, ruleset in self._desired.items()
            if not covers(seen.get(name), ruleset)
        ]
        return Change("change" if seen else "create", tuple(fields)) if fields else None

    def apply(self, seen: dict[str, dict[str, Any]] | None, change: Change) -> None:
        """Create or replace those that differ."""
        for field in change.fields:
            present = (seen or {}).get(field.name)
            path = self._github.path("rulesets", *([str(present["id"])] if present else []))
            self._github.call("PUT" if present else "POST", path, {"name": field.name, **self._desired[field.name]})

    def remove(self) -> str:
        """Delete our rulesets."""
        seen = self.observe() or {}
        gone = [name for name, r in seen.items() if self._github.delete(self._github.path("rulesets", str(r["id"])))]
        return f"deleted {', '.join(gone)}" if gone else "were not there"


_REVIEWED = {
    "type": "pull_request",
    "parameters": {
        "required_approving_review_count": 0,  # a team of one must be able to merge
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
    },
}


def _checked(checks: tuple[str, ...]) -> dict[str, Any]:
    return {
        "type": "required_status_checks",
        "parameters": {
            "required_status_checks": [{"context": name} for name in checks],
            "strict_required_status_checks_policy": False,
        },
    }


def _ruleset(branch: str, rules: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "target": "branch",
        "enforcement": "active",
        "conditions": {"ref_name": {"include": [f"refs/heads/{branch}"], "exclude": []}},
        "rules": [*_KEPT, *rules],
    }


def _shown(ruleset: dict[str, Any] | None) -> str | None:
    """Return a ruleset in a few words."""
    if ruleset is None:
        return None
    return f"{ruleset['enforcement']}: {', '.join(rule['type'] for rule in ruleset['rules'])}"
