"""The prediction log keeps what models were asked and said, within bounds, whatever they give."""

from __future__ import annotations

import json
import os
import struct
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assay.artifacts.base import ArtifactStore
from assay.artifacts.local import LocalArtifactStore
from assay.entities.names import ArtifactPath, artifact_path
from assay.errors import InvalidInput, StoreUnavailable
from assay.models.scoring import json_text
from assay.serving.log import parts as log_parts
from assay.serving.log import recorder, writer
from assay.serving.log.reading import read_log
from assay.serving.log.recorder import Note, Record, Recorder, Source
from assay.serving.log.rows import Redaction, columns_of, row_count
from assay.serving.log.writer import PredictionLog
from assay.serving.process.plan import Version
from assay.serving.settings import LogSettings
from assay.serving.watching.counts import Counts

_SETTINGS = LogSettings(place="", part_s=3_600)
_DECODE = msgspec.msgpack.Decoder(Record).decode


def _record(request: str, **facts: Any) -> Record:
    given: dict[str, Any] = {
        "time_ms": 1_790_000_000_000,
        "model": "m",
        "version": "1",
        "is_shadow": False,
        "latency_ms": 1.0,
        "outcome": "answered",
        "inputs": {"a": [1.0]},
        "outputs": {"prediction": [1]},
        "rows": 1,
    }
    return Record(prediction_id=request, **{**given, **facts})


def _send(pipe: int, *records: Record) -> None:
    for one in records:
        content = msgspec.msgpack.encode(one)
        os.write(pipe, struct.pack(">I", len(content)) + content)


def _source() -> Source:
    return Source(Version(key="k", name="m", version="1", folder="/m"), Counts(), None)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (pd.DataFrame({"a": [1, 2], "t": pd.to_datetime(["2026-01-01", None])}), None),
        (pl.DataFrame({"a": [1, 2], "t": ["2026-01-01T00:00:00", None]}), None),
        (pd.Series([1.5, 2.5]), {"x": [1.5, 2.5]}),
        ({"a": [1, 2], "b": np.array([3, 4])}, {"a": [1, 2], "b": [3, 4]}),
        ({"a": [1, 2], "b": "one"}, {"a": [[1, 2]], "b": [["one"]]}),
        ([{"a": 1}, {"b": 2}], {"a": [1, None], "b": [None, 2]}),
        (np.array([[1, 2], [3, 4]]), {"x.0": [1, 3], "x.1": [2, 4]}),
        (np.array([[1], [3]]), {"x": [1, 3]}),
        (np.zeros((1, 2, 2)), {"x": [[[0, 0], [0, 0]]]}),
        (np.float32(0.5), {"x": [0.5]}),
        (["yes", None], {"x": ["yes", None]}),
        ("text", {"x": ["text"]}),
        (b"raw", {"x": [b"raw"]}),
        ([], {"x": []}),
    ],
)
def test_whatever_models_take_and_give_becomes_columns(data: Any, expected: Any) -> None:
    columns = columns_of(data, "x")

    assert columns == (expected or {"a": [1, 2], "t": ["2026-01-01T00:00:00", None]})
    msgspec.msgpack.encode(columns)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(_VALUES, min_size=1, max_size=5))
def test_every_value_has_a_place_in_a_part(values: list[Any]) -> None:
    packed = log_parts.packed([_record(str(at), inputs={"a": [v]}) for at, v in enumerate(values)])

    table = pq.read_table(pa.BufferReader(packed))

    assert table.num_rows == len(values)
    assert table["prediction_id"].to_pylist() == [str(at) for at in range(len(values))]


def test_numbers_stay_numbers_though_some_are_whole() -> None:
    packed = log_parts.packed([_record("1", inputs={"a": [1]}), _record("2")])

    assert pq.read_table(pa.BufferReader(packed))["input.a"].to_pylist() == [1.0, 1.0]


def test_redacted_columns_are_gone_and_hashed_ones_tell_apart() -> None:
    columns = {"name": ["ann", "bob", "ann", None], "age": [1, 2, 3, 4], "x": [1.0, 2.0, 3.0, 4.0]}
    settings = LogSettings(place="", redact=("age",), hashed=("name",), hash_key="k")

    kept = Redaction(settings).of(columns)
    other = Redaction(msgspec.structs.replace(settings, hash_key="other")).of(columns)

    assert list(kept) == ["name#digest", "x"]
    first, second, third, missing = kept["name#digest"]
    assert first == third != second
    assert missing is None
    assert "ann" not in str(kept)
    assert first != other["name#digest"][0]


def test_a_recorder_hands_over_what_was_answered_and_nothing_that_was_refused() -> None:
    reads, writes = os.pipe()
    one, source = Recorder(LogSettings(place="", outputs_only=True), writes), _source()
    for outcome in ("answered", "refused", "failed"):
        note = one.begin(outcome, 10)
        assert note is not None
        rows = np.array([[1.0, 2.0]])
        note.take_array(rows, ["a", "b"])
        rows[:] = 0  # by the model
        note.predictions = np.array([7])
        one.finish(note, source, seconds=0.002, outcome=outcome)  # type: ignore[arg-type]
    one.close(5)
    os.close(writes)

    with os.fdopen(reads, "rb") as stream:
        found = []
        while head := stream.read(4):
            found.append(_DECODE(stream.read(struct.unpack(">I", head)[0])))

    assert [record.prediction_id for record in found] == ["answered", "failed"]
    assert found[0].outputs == {"prediction": [7]}
    assert found[1].outputs == {}
    assert found[0].inputs == {}
    assert (source.counts.logged, source.counts.unlogged) == (2, 0)


def test_streamed_answers_are_kept_piece_by_piece_within_bounds_and_redacted() -> None:
    settings = LogSettings(place="", redact=("secret",), hashed=("who",), hash_key="k")
    reads, writes = os.pipe()
    one, source = Recorder(settings, writes), _source()
    answers: dict[str, tuple[list[Any], bool]] = {
        "objects": ([{"word": "a", "secret": 1, "who": "x"}, {"word": float("nan")}], True),
        "texts": (["a", "b"], True),
        "left": (["a"], False),
        "none": ([], False),
        "many": ([0] * 1_500, True),
        "large": (["x" * 200_000, "y" * 200_000, "z"], True),
    }
    for name, (pieces, comes_to_its_end) in answers.items():
        note = one.begin(name, 10)
        assert note is not None
        note.take({"text": ["hello"]})
        note.pieces = recorder.Pieces()
        for piece in pieces:
            note.pieces.add(json_text(piece).encode())
        if comes_to_its_end:
            note.pieces.end()
        one.finish(note, source, seconds=0.002, outcome="answered")
    found: dict[str, Record] = {}
    with os.fdopen(reads, "rb") as stream:
        while len(found) < len(answers):
            record = _DECODE(stream.read(struct.unpack(">I", stream.read(4))[0]))
            found[record.prediction_id] = record
    one.close(5)
    os.close(writes)

    assert {name: (one.pieces, one.is_cut) for name, one in found.items()} == {
        "objects": (2, False),
        "texts": (2, False),
        "left": (1, True),
        "none": (0, True),
        "many": (1_500, True),
        "large": (3, True),
    }
    assert list(found["objects"].outputs) == ["pieces.word", "pieces.who#digest"]
    assert found["texts"].outputs == {"pieces": [["a", "b"]]}
    assert found["none"].outputs == {}
    assert found["many"].outputs == {"pieces": [[0] * 1_000]}
    assert found["large"].outputs == {"pieces": [["x" * 200_000]]}
    table = pq.read_table(pa.BufferReader(log_parts.packed([*found.values(), _record("whole")])))
    assert table["pieces"].to_pylist() == [2, 2, 1, 0, 1_500, 3, None]
    assert table["is_cut"].to_pylist()[-1] is None
    plain = pq.read_table(pa.BufferReader(log_parts.packed([_record("whole")])))
    assert "pieces" not in plain.column_names


def test_a_recorder_that_nobody_empties_drops_and_counts_and_never_waits() -> None:
    reads, writes = os.pipe()
    one, source = Recorder(_SETTINGS, writes), _source()
    wide = np.zeros((100, 100))
    for at in range(3_000):
        note = Note(str(at), wide.nbytes)
        note.take_array(wide, [str(column) for column in range(100)])
        note.predictions = np.zeros(100)
        one.finish(note, source, seconds=0.001, outcome="answered")

    assert source.counts.unlogged > 1_000
    assert source.counts.logged + source.counts.unlogged == 3_000
    os.close(reads)
    one.close(5)
    os.close(writes)


def test_a_share_of_the_requests_is_noted() -> None:
    reads, writes = os.pipe()
    one = Recorder(LogSettings(place="", sample=0.2), writes)

    taken = sum(one.begin("x", 1) is not None for _ in range(5_000))

    assert 800 < taken < 1_200
    one.close(1)
    os.close(reads)
    os.close(writes)


def test_what_workers_send_is_published_by_model_and_read_back(tmp_path: Path) -> None:
    log = PredictionLog(LocalArtifactStore(tmp_path), _SETTINGS)
    left, right = log.new_pipe(), log.new_pipe()
    _send(left, _record("1"), _record("2", inputs={"a": ["text"]}, version="2"))
    _send(right, _record("3", model="../../etc/x y", rows=2, inputs={"a": [1, 2]}, outputs={}))
    os.write(right, struct.pack(">I", 1_000) + b"a worker that was killed")
    os.close(left)
    os.close(right)
    log.close()

    hostile, plain = read_log(LocalArtifactStore(tmp_path))

    assert (hostile.model, plain.model) == ("../../etc/x y", "m")
    assert sorted(plain.columns["prediction_id"]) == ["1", "2"]
    assert sorted(plain.columns["input.a"]) == ["1.0", "text"]
    assert hostile.columns["row"] == [0, 1]
    assert all(tmp_path in one.resolve().parents for one in tmp_path.rglob("*.parquet"))
    assert read_log(LocalArtifactStore(tmp_path), model="nobody") == []
    assert read_log(LocalArtifactStore(tmp_path), since_ms=1_790_000_000_001) == []


class _Away(LocalArtifactStore):
    """A place that is away for the first writes of parts."""

    failures = 2

    def write(self, path: ArtifactPath, chunks: Iterable[bytes], **more: Any) -> str:
        if path.endswith(".parquet") and self.failures:
            self.failures -= 1
            raise StoreUnavailable("It is away.")
        return super().write(path, chunks, **more)


def test_parts_wait_while_their_place_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "_RETRY_S", (0.01,))
    store = _Away(tmp_path)
    log = PredictionLog(store, LogSettings(place="", part_s=0.01))
    pipe = log.new_pipe()
    _send(pipe, _record("1"))
    os.close(pipe)
    log.close()

    assert store.failures == 0
    assert read_log(LocalArtifactStore(tmp_path))[0].columns["prediction_id"] == ["1"]


def test_a_place_that_stays_away_holds_workers_up_and_not_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer, "_CLOSE_S", 0.3)
    monkeypatch.setattr(writer, "_MAX_BYTES", 1_000)
    monkeypatch.setattr(writer, "_PART_BYTES", 500)
    store = _Away(tmp_path)
    store.failures = 1_000
    log = PredictionLog(store, _SETTINGS)
    pipe = log.new_pipe()
    sent = threading.Event()

    def send() -> None:
        for at in range(100):
            _send(pipe, _record(str(at), inputs={"a": ["x" * 3_000]}))
        sent.set()

    with ThreadPoolExecutor(1) as threads:
        threads.submit(send)
        assert not sent.wait(0.2)
        log.close()
        os.close(pipe) if sent.wait(10) else None
    assert sent.is_set()
    assert "lost" in caplog.text


@pytest.mark.parametrize(
    ("marker", "told"),
    [
        (None, "no prediction log"),
        (b"{", "can't be read"),
        (json.dumps({"format": "assay prediction log", "version": 9}).encode(), "update Assay"),
    ],
)
def test_folders_that_are_no_log_are_told(tmp_path: Path, marker: bytes | None, told: str) -> None:
    if marker is not None:
        (tmp_path / "prediction-log.json").write_bytes(marker)

    with pytest.raises(InvalidInput, match=told):
        read_log(LocalArtifactStore(tmp_path))


def test_a_part_that_is_damaged_is_named_and_strangers_are_left_alone(tmp_path: Path) -> None:
    store: ArtifactStore = LocalArtifactStore(tmp_path)
    log_parts.begin(store)
    store.write(artifact_path("model=m/date=2026-01-01/notes.parquet"), [b"no part"])
    assert read_log(store) == []
    path = log_parts.path_of("m", 1_790_000_000_000)
    store.write(ArtifactPath(path), [b"PAR1 broken"])

    with pytest.raises(InvalidInput, match=path.rsplit("/", 1)[1]):
        read_log(store)


def test_limits_of_a_record_are_those_that_the_supervisor_reads() -> None:
    assert recorder.MAX_RECORD_BYTES < 1 << 31
    assert row_count({}) == 0
