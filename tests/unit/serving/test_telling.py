"""What a scoring server counts is told to the registry, minute by minute, for an hour."""

from __future__ import annotations

import queue

import pytest

from assay.entities.served_figures import Part, ServedFigures
from assay.errors import PermissionDenied, StoreUnavailable
from assay.serving.process.plan import Plan, Route, Share, Version
from assay.serving.watching import telling
from assay.serving.watching.counts import Counts
from assay.serving.watching.telling import Teller

MAIN = Version(key="k1", name="digits", version="1", folder="/m")
TRIED = Version(key="k2", name="digits", version="2", folder="/n")
FOLDER = Version(key="k3", name="folder", folder="/o")
SOURCE = "models:/digits@champion"
PLAN = Plan(
    number=1,
    versions=[MAIN, TRIED, FOLDER],
    routes=[
        Route(name="digits", source=SOURCE, main="k1", canaries=[Share("k2", 20.0, "@next")]),
        Route(name="folder", source="/o", main="k3"),
    ],
)
ALONE = Plan(number=2, versions=[MAIN], routes=[Route(name="digits", source=SOURCE, main="k1")])


class Clock:
    """A clock that a test moves."""

    now = 1_800_000_000.0

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(telling, "time", made)
    return made


def counted(*seconds: float, failed: int = 0) -> Counts:
    counts = Counts()
    for one in seconds:
        counts.note(one, "answered")
    for _ in range(failed):
        counts.note(0.0, "failed")
    return counts


def test_what_came_is_told_by_minute_with_the_part_of_each_version(clock: Clock) -> None:
    teller = Teller(deployment_id="d-1")
    teller.counted({"k1": counted(0.001), "k2": counted(), "k3": counted(0.1)}, PLAN)
    clock.now += 1
    teller.counted({"k1": counted(0.001, 0.3, failed=1), "k2": counted(0.001)}, PLAN)
    clock.now += 60
    teller.counted({"k1": counted(0.001, 0.3, 0.3, failed=1), "k2": counted(0.001)}, PLAN)

    main, tried = teller.figures()
    assert (main.name, main.version, main.part, main.percent) == ("digits", 1, Part.MAIN, 80.0)
    assert (main.source, main.deployment_id) == (SOURCE, "d-1")
    assert [(one.answered, one.failed) for one in main.minutes] == [(2, 1), (1, 0)]
    assert [sum(one.buckets) for one in main.minutes] == [2, 1]
    assert main.minutes[0].seconds == pytest.approx(0.301)
    assert main.minutes[1].time - main.minutes[0].time == 60_000
    assert (tried.version, tried.part, tried.percent) == (2, Part.CANARY, 20.0)


def test_a_version_that_was_taken_out_is_told_until_its_hour_is_over(clock: Clock) -> None:
    teller = Teller()
    totals = {"k1": counted(0.1), "k2": counted(0.1)}
    teller.counted(totals, PLAN)
    teller.counted(totals, ALONE)
    assert [(one.version, one.part) for one in teller.figures()] == [
        (1, Part.MAIN),
        (2, Part.FORMER),
    ]
    clock.now += 3_600
    teller.counted(totals, ALONE)
    assert [(one.version, one.minutes) for one in teller.figures()] == [(1, [])]


def test_a_registry_that_is_away_is_told_all_of_it_later(clock: Clock) -> None:
    calls: queue.Queue[list[ServedFigures]] = queue.Queue()
    away = [StoreUnavailable("it restarts")]

    def send(figures: list[ServedFigures]) -> None:
        if away:
            raise away.pop()
        calls.put(figures)

    teller = Teller(every_s=0.01, send=send)
    teller.counted({"k1": counted(0.1)}, ALONE)
    teller.start()
    try:
        (told,) = calls.get(timeout=20)
    finally:
        teller.stop()
    assert [one.answered for one in told.minutes] == [1]


def test_a_registry_that_refuses_is_told_nothing_more(clock: Clock) -> None:
    asked: queue.Queue[int] = queue.Queue()

    def send(_figures: list[ServedFigures]) -> None:
        asked.put(1)
        raise PermissionDenied("a reader may not write")

    teller = Teller(every_s=0.01, send=send)
    teller.counted({"k1": counted(0.1)}, ALONE)
    thread = teller.start()
    asked.get(timeout=20)
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert asked.empty()
