"""Active or deleted, and which of the two a search shows."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class LifecycleStage(StrEnum):
    """Whether an experiment or run is in use or in the bin."""

    ACTIVE = "active"
    DELETED = "deleted"


class ViewType(IntEnum):
    """What a search shows; the numbers are MLflow's."""

    ACTIVE_ONLY = 1
    DELETED_ONLY = 2
    ALL = 3

    def shows(self, stage: LifecycleStage) -> bool:
        """Whether a thing of this stage is part of the view."""
        return self is ViewType.ALL or (self is ViewType.ACTIVE_ONLY) == (
            stage is LifecycleStage.ACTIVE
        )
