"""Runs, compared where they are recorded: the Python face of ``assay runs diff`` and
``assay runs stats``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from assay.client.client import Client
from assay.comparison.diff import RunDiff, diff_facts
from assay.comparison.facts import facts_of
from assay.comparison.grouping import Columns, grouped, named_group
from assay.comparison.statistics import Statistics, statistics_of
from assay.entities.runs import Run, RunStatus
from assay.errors import InvalidInput, LimitExceeded
from assay.fluent.reading import client_for

MAX_RUNS: Final = 50_000
MAX_METRICS: Final = 20
"""Metrics looked at where none is named."""
_PAGE: Final = 1_000


def diff_runs(a: str, b: str, *, client: Client | None = None) -> RunDiff:
    """Why two runs may have ended differently: what differs between them, ranked.

    Args:
        a: the id of the run to compare with.
        b: the id of the run that differs.
        client: where both are recorded; the process's own location by default.

    Raises:
        RunNotFound: there is no such run.
    """
    where = client or client_for()
    return diff_facts(facts_of(where, a), facts_of(where, b))


def run_statistics(
    experiment_ids: Sequence[str],
    group_by: str | Sequence[str],
    *,
    metrics: Sequence[str] = (),
    filter_string: str = "",
    baseline: str | None = None,
    pair_by: str | None = None,
    level: float = 0.95,
    client: Client | None = None,
) -> list[Statistics]:
    """What the finished runs of experiments say about metrics, group by group.

    Args:
        experiment_ids: whose runs.
        group_by: params and tags that the runs of a group have in common, as ``params.lr``.
        metrics: whose latest values are compared; all that each of the runs has by default.
        filter_string: only the runs that match.
        baseline: the group (``lr=0.1``, or just its value) that the others are compared with;
            ``None``: each with each.
        pair_by: the param or tag that pairs runs of different groups; their seeds by default.
        level: of the confidence intervals.
        client: where the runs are recorded; the process's own location by default.

    Raises:
        InvalidInput: there is no such run, group or metric.
        MissingExtra: SciPy isn't installed.
    """
    columns = Columns.parse([group_by] if isinstance(group_by, str) else group_by)
    runs = _found(client or client_for(), experiment_ids, filter_string)
    finished = [run for run in runs if run.info.status is RunStatus.FINISHED]
    if not finished:
        raise InvalidInput(
            f"None of the {len(runs)} runs that match has finished."
            if runs
            else "No run matches: look at the filter and the experiments."
        )
    notes = []
    if len(finished) < len(runs):
        notes.append(f"{len(runs) - len(finished)} of {len(runs)} runs haven't finished; left out.")
    members = [run for run in finished if columns.has_some(run)]
    if not members:
        raise InvalidInput(f"None of the runs has {' or '.join(columns.names)}.")
    if len(members) < len(finished):
        # Parents of sweeps, say, which have no params.
        strangers = _counted(len(finished) - len(members))
        notes.append(f"{strangers} no {' or '.join(columns.names)}; left out.")
    found = []
    for metric in metrics or _common(members, notes):
        groups = grouped(members, metric, columns, pair_by=pair_by)
        if not groups:
            raise InvalidInput(f"None of the runs has the metric {metric!r}.")
        without = sum(metric not in run.data.metrics for run in members)
        more = [f"{_counted(without)} no {metric}; left out."] if without else []
        told = None if baseline is None else named_group(list(groups), baseline)
        one = statistics_of(groups, metric=metric, baseline=told, level=level)
        found.append(msgspec.structs.replace(one, notes=[*notes, *more, *one.notes]))
    return found


def _counted(runs: int) -> str:
    return "1 run has" if runs == 1 else f"{runs} runs have"


def _found(client: Client, experiment_ids: Sequence[str], filter_string: str) -> list[Run]:
    runs: list[Run] = []
    token: str | None = None
    while True:
        page = client.search_runs(
            experiment_ids, filter_string, max_results=_PAGE, page_token=token
        )
        runs.extend(page)
        token = page.token
        if len(runs) > MAX_RUNS:
            raise LimitExceeded("The number of runs to compare", limit=MAX_RUNS, got=len(runs))
        if token is None:
            return runs


def _common(runs: Sequence[Run], notes: list[str]) -> list[str]:
    """Metrics that all of the runs have."""
    counts = Counter(key for run in runs for key in run.data.metrics)
    names = sorted(key for key, count in counts.items() if count == len(runs))
    if not names:
        raise InvalidInput("The runs have no metric in common: name one with --metric.")
    if len(names) > MAX_METRICS:
        notes.append(f"Of {len(names)} metrics the first {MAX_METRICS} are shown.")
    return names[:MAX_METRICS]
