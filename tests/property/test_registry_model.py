"""A registered model against a plain one: promotions, aliases, archives, rollbacks, deletions.

After each step the places are what the plain model says and what the audit log's last moves say,
and the chain holds.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from assay import errors
from assay.entities.audit import Actor, Cause
from assay.entities.ids import DEFAULT_EXPERIMENT_ID, new_run_id
from assay.entities.model_versions import NewModelVersion
from assay.entities.runs import NewRun
from assay.entities.transitions import RequestStatus
from assay.store.base import Query
from assay.store.sql.store import SqlStore, open_sql_store

CAUSE = Cause(Actor("alice", origin="test"), "by chance")
GOVERNED = """
policy: 1
to:
  Production:
    approvals: {count: 1, from: [alice], author_may_approve: true}
"""
_VERSIONS = st.integers(1, 5)
_STAGES = st.sampled_from(["None", "Staging", "Production", "Archived"])
_ALIASES = st.sampled_from(["champion", "challenger"])
_PLACES = st.sampled_from(["Staging", "Production", "@champion", "@challenger"])
Held: TypeAlias = tuple[int, ...]


class RegistryMachine(RuleBasedStateMachine):
    """Random changes of one registered model."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="assay-registry-"))
        self.store: SqlStore = open_sql_store(f"sqlite:///{self.folder}/a.db")
        self.run_id = new_run_id()
        self.store.runs.create(NewRun(self.run_id, DEFAULT_EXPERIMENT_ID, 1))
        self.name = "m0"
        self.store.registered_models.create(self.name, cause=CAUSE)
        self.stages: dict[int, str] = {}
        self.aliases: dict[str, int] = {}
        self.last_version = 0
        self.governed = False
        self.past: dict[str, list[Held]] = {}
        """What each place held, one after another; what was rolled back is left out."""
        self.create()

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def places(self) -> dict[str, Held]:
        held: dict[str, Held] = {f"@{alias}": (v,) for alias, v in self.aliases.items()}
        for version, stage in sorted(self.stages.items()):
            if stage != "None":
                held[stage] = (*held.get(stage, ()), version)
        return held

    def remember(self) -> None:
        """Note who holds what now."""
        now = self.places()
        for place in {*self.past, *now}:
            held, past = now.get(place, ()), self.past.setdefault(place, [])
            if (past[-1] if past else ()) != held:
                past.append(held)

    @rule()
    def create(self) -> None:
        new = NewModelVersion(name=self.name, source=f"runs:/{self.run_id}/model")
        made = self.store.model_versions.create(new, cause=CAUSE)
        self.last_version += 1
        assert made.version == self.last_version
        self.stages[made.version] = "None"

    @rule(version=_VERSIONS, stage=_STAGES, archive=st.booleans())
    def transition(self, version: int, stage: str, archive: bool) -> None:
        expected: type[errors.AssayError] | None = None
        if version not in self.stages:
            expected = errors.ModelVersionNotFound
        elif archive and stage in ("None", "Archived"):
            expected = errors.InvalidInput
        elif self.governed and stage == "Production" and self.stages[version] != stage:
            expected = errors.TransitionRefused
        if expected is not None:
            with pytest.raises(expected):
                self._transition(version, stage, archive)
            return
        self._transition(version, stage, archive)
        alone = archive or (self.governed and stage == "Production")
        self._moved(version, stage, alone=alone)

    def _transition(self, version: int, stage: str, archive: bool) -> None:
        self.store.model_versions.transition(
            self.name, version, stage, archive_existing=archive, cause=CAUSE
        )

    def _moved(self, version: int, stage: str, *, alone: bool) -> None:
        if alone:
            for other in [v for v, held in self.stages.items() if held == stage]:
                self.stages[other] = "Archived"
        self.stages[version] = stage
        self.remember()

    @rule(version=_VERSIONS, place=_PLACES)
    def request(self, version: int, place: str) -> None:
        held = self.places().get(place, ())
        if version not in self.stages:
            with pytest.raises(errors.ModelVersionNotFound):
                self.store.requests.create(self.name, version, place, cause=CAUSE)
            return
        if held == (version,):
            with pytest.raises(errors.InvalidInput):
                self.store.requests.create(self.name, version, place, cause=CAUSE)
            return
        made = self.store.requests.create(self.name, version, place, cause=CAUSE)
        assert made.expected == held
        if self.governed and place == "Production":
            assert made.is_open
            made = self.store.requests.approve(made.request_id, cause=CAUSE)
        assert made.status is RequestStatus.COMPLETED
        if place.startswith("@"):
            self.aliases[place[1:]] = version
            self.remember()
        else:
            self._moved(version, place, alone=True)

    @rule(version=_VERSIONS, alias=_ALIASES)
    def set_alias(self, version: int, alias: str) -> None:
        if version not in self.stages:
            with pytest.raises(errors.ModelVersionNotFound):
                self.store.registered_models.set_alias(self.name, alias, version, cause=CAUSE)
            return
        self.store.registered_models.set_alias(self.name, alias, version, cause=CAUSE)
        self.aliases[alias] = version
        self.remember()

    @rule(alias=_ALIASES)
    def delete_alias(self, alias: str) -> None:
        self.store.registered_models.delete_alias(self.name, alias, cause=CAUSE)
        self.aliases.pop(alias, None)
        self.remember()

    @rule(version=_VERSIONS)
    def delete(self, version: int) -> None:
        if version not in self.stages:
            return
        if self.governed and self.stages[version] == "Production":
            with pytest.raises(errors.TransitionRefused):
                self.store.model_versions.delete(self.name, version, cause=CAUSE)
            return
        self.store.model_versions.delete(self.name, version, cause=CAUSE)
        del self.stages[version]
        self.aliases = {a: v for a, v in self.aliases.items() if v != version}
        self.remember()

    @rule(place=_PLACES)
    def roll_back(self, place: str) -> None:
        past = self.past.get(place, [])
        now = past[-1] if past else ()
        for held in reversed(past[:-1]):
            alive = tuple(version for version in held if version in self.stages)
            if alive and alive != now:
                break
        else:
            with pytest.raises(errors.InvalidInput):
                self.store.requests.rollback(self.name, place, cause=CAUSE)
            return
        back = self.store.requests.rollback(self.name, place, cause=CAUSE)
        assert sorted(one.version for one in back) == list(alive)
        if place.startswith("@"):
            self.aliases[place[1:]] = alive[0]
        else:
            for version in now:
                self.stages[version] = "Archived"
            for version in alive:
                self.stages[version] = place
        del past[next(n for n in range(len(past) - 1, -1, -1) if past[n] is held) :]
        self.remember()

    @rule()
    def govern(self) -> None:
        if self.governed:
            self.store.policies.remove(self.name, cause=CAUSE)
        else:
            self.store.policies.set(self.name, GOVERNED, cause=CAUSE)
        self.governed = not self.governed

    @rule(number=st.integers(0, 2))
    def rename(self, number: int) -> None:
        name = f"m{number}"
        if name != self.name:
            self.store.registered_models.rename(self.name, name, cause=CAUSE)
            self.name = name

    @invariant()
    def places_are_what_the_model_says(self) -> None:
        found = self.store.model_versions.search(Query(filter=f"name = '{self.name}'")).items
        assert {one.version: one.current_stage for one in found} == self.stages
        assert self.store.registered_models.get(self.name).aliases == self.aliases

    @invariant()
    def places_are_where_the_log_s_moves_end(self) -> None:
        held: dict[str, Held] = {}
        for record in self.store.audit.iterate():
            for move in record.details.get("moves", ()):
                assert tuple(move["from"]) == held.get(move["target"], ())
                assert move["from"] != move["to"]
                held[move["target"]] = tuple(move["to"])
        assert {place: holders for place, holders in held.items() if holders} == self.places()
        last = self.store.audit.page(after=self.store.audit.head().seq - 1)[0].time
        for place in ("Production", "@champion"):
            asked = self.store.audit.holders(self.name, place, last)
            assert tuple(asked) == held.get(place, ())

    @invariant()
    def chain_holds(self) -> None:
        assert self.store.audit.verify().ok


TestRegistry = RegistryMachine.TestCase
TestRegistry.settings = settings(max_examples=25, stateful_step_count=25)
