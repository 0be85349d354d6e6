"""Refusals: what the registry names and isn't served, and why."""

from __future__ import annotations

from assay.serving.process.plan import Plan
from assay.serving.process.targets import NotFetched


class Refusals:
    """Reasons. Plans that were tried are remembered, so that none is tried again and again; what
    can't be fetched counts until the registry names something else.
    """

    def __init__(self) -> None:
        self._tried: dict[frozenset[str], str] = {}
        self._missing: dict[str, str] = {}

    def keep(self, plan: Plan, reason: str) -> None:
        """A plan was tried in vain."""
        self._tried[content_of(plan)] = reason

    def reason(self, plan: Plan) -> str | None:
        """Why this plan was tried in vain; ``None``: it wasn't."""
        return self._tried.get(content_of(plan))

    def miss(self, found: NotFetched) -> bool:
        """A version can't be fetched; whether that is news."""
        if self._missing.get(found.uri) == found.message:
            return False
        self._missing = {found.uri: found.message}
        return True

    def all_fetched(self) -> None:
        """Nothing is missing any more."""
        self._missing = {}

    def all(self) -> list[str]:
        """All reasons, the latest last."""
        missing = (f"{uri}: {reason}" for uri, reason in self._missing.items())
        return [*self._tried.values(), *missing]


def content_of(plan: Plan) -> frozenset[str]:
    """What tells two plans apart, whatever their numbers."""
    return frozenset((*map(repr, plan.routes), *(version.key for version in plan.versions)))
