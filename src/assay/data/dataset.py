"""What all datasets share: their facts, and the form in which a run records them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import msgspec

from assay import entities
from assay.data.sources import DatasetSource
from assay.entities.names import ArtifactPath

DEFAULT_NAME = "dataset"
"""MLflow's name of a data set that was given none."""
PROFILE_FILE = ArtifactPath("assay/data-profile.json")
"""Where a run keeps the profile of its training data (``assay.data.column_profile``)."""
MAX_DIGEST_LENGTH = 36
"""MLflow's database keeps no longer ones."""


class Dataset(ABC):
    """Data at one content. The object may hold the data; what is logged is only their
    description.
    """

    def __init__(self, *, name: str | None, digest: str | None, source: DatasetSource) -> None:
        self.source = source
        self._name = name
        self._digest = digest

    @property
    def name(self) -> str:
        """The name given, else ``dataset``."""
        return self._name or DEFAULT_NAME

    @property
    def digest(self) -> str:
        """Fingerprint of the content; computed when first asked for, which reads all of it."""
        if self._digest is None:
            self._digest = self._compute_digest()
        return self._digest[:MAX_DIGEST_LENGTH]

    @property
    @abstractmethod
    def schema(self) -> Mapping[str, Any] | None:
        """Columns and types in MLflow's form, or ``None`` if they can't be told."""

    @property
    @abstractmethod
    def profile(self) -> Mapping[str, Any] | None:
        """Sizes of the data."""

    @abstractmethod
    def _compute_digest(self) -> str: ...

    def to_dict(self) -> dict[str, str]:
        """The description, with nested parts as JSON text, as MLflow's ``to_dict``."""
        entity = self.to_entity()
        facts = {
            "name": entity.name,
            "digest": entity.digest,
            "source": entity.source,
            "source_type": entity.source_type,
        }
        if entity.schema is not None:
            facts["schema"] = entity.schema
        if entity.profile is not None:
            facts["profile"] = entity.profile
        return facts

    def to_json(self) -> str:
        """``to_dict`` as JSON text."""
        return msgspec.json.encode(self.to_dict()).decode()

    def to_entity(self) -> entities.Dataset:
        """The description as it is logged."""
        return entities.Dataset(
            name=self.name,
            digest=self.digest,
            source_type=self.source.source_type,
            source=self.source.to_json(),
            schema=_json(self.schema),
            profile=_json(self.profile),
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} {self.digest} from {self.source.to_json()}>"


def _json(facts: Mapping[str, Any] | None) -> str | None:
    return None if facts is None else msgspec.json.encode(dict(facts)).decode()
