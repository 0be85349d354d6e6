"""Plans: which versions a server has loaded, and which of them answers what.

The supervisor makes one of what it was asked for and what the registry says, and its workers carry
it out: first they load and try all versions of it, and when all workers have, all begin to use it.
"""

from __future__ import annotations

from typing import Final

import msgspec

from assay.policies.traffic import Abort
from assay.serving.watching.counts import Counts

UNKNOWN: Final = "0"
"""What a version is called that nothing is known of but its folder."""


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A model as it is loaded: one folder of files that never change."""

    key: str
    """What it is known by among workers: the same key, the same files."""
    name: str
    """Of the registered model, or what the person who serves it called it."""
    version: str | None = None
    """Its number in the registry; ``None`` for a model that isn't there."""
    noted: str | None = None
    """Its number by the note beside the files of a folder, for which nobody here vouches."""
    model_id: str | None = None
    folder: str
    origin: str | None = None

    @property
    def label(self) -> str:
        """What responses and metrics call it."""
        return self.version or self.noted or self.model_id or UNKNOWN


class Share(msgspec.Struct, frozen=True):
    """A version's part of the requests of a route."""

    key: str
    weight: float
    """In percent."""
    selector: str
    """What the traffic rule calls it."""


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Who answers requests for one name."""

    name: str
    source: str
    """What was asked for, such as ``models:/digits@champion``."""
    main: str
    """Key of the version that this means; it answers what no canary does."""
    canaries: list[Share] = []
    shadows: list[Share] = []
    """Versions that are asked too, and never answer."""
    abort: Abort | None = None
    """When canaries and shadows are taken out again."""
    sticky: str | None = None
    """Header whose value decides which version answers; ``None``: chance does."""
    notices: list[str] = []
    """What of the traffic rule can't be carried out, and why."""

    @property
    def is_trial(self) -> bool:
        """Whether versions are compared."""
        return bool(self.canaries or self.shadows)


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All of it. Plans of one server are numbered upwards."""

    number: int
    versions: list[Version]
    routes: list[Route]


class Prepare(msgspec.Struct, frozen=True, tag=True):
    """To a worker: load what this plan has and you have not, and say how it went."""

    plan: Plan


class Use(msgspec.Struct, frozen=True, tag=True):
    """To a worker: answer by the plan that you prepared."""

    number: int


class Stop(msgspec.Struct, frozen=True, tag=True):
    """To a worker: take no new connections, answer what is in flight, and end."""


class Prepared(msgspec.Struct, frozen=True, tag=True):
    """From a worker: how preparing went."""

    number: int
    failures: dict[str, str]
    """Reasons by key of those versions that can't be served; with none, all can."""


class Using(msgspec.Struct, frozen=True, tag=True):
    """From a worker: from now on requests are answered by this plan."""

    number: int


class Hung(msgspec.Struct, frozen=True, tag=True):
    """From a worker, once: all its threads are in predictions that don't end."""


class Wish(msgspec.Struct, frozen=True, tag=True):
    """From a worker: somebody asked for another model, or for one less."""

    number: int
    """Of the wishes of this worker."""
    name: str
    """Of the route."""
    uri: str | None
    """What to load; ``None``: the model of this name is to go."""


class Answered(msgspec.Struct, frozen=True, tag=True):
    """To a worker: its wish is fulfilled by all workers, or why it isn't."""

    number: int
    reason: str | None


class Counted(msgspec.Struct, frozen=True, tag=True):
    """From a worker, once a second: its counts by version."""

    counts: dict[str, Counts]


class Known(msgspec.Struct, frozen=True, tag=True):
    """To a worker, once a second: what all workers counted, and what couldn't be served."""

    counts: dict[str, Counts]
    workers: int
    not_served: list[str]
    drift: dict[str, dict[str, float]] = {}
    """Population stability index by version's key and column."""


Order = Prepare | Use | Known | Answered | Stop
"""What the supervisor tells a worker, a line of JSON each."""
Report = Prepared | Using | Counted | Hung | Wish
"""What a worker tells the supervisor, a line of JSON each."""
