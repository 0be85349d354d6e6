"""The decoder: what MLflow's clients may send, and what nobody may."""

from __future__ import annotations

import math

import msgspec
import pytest

from assay.errors import InvalidInput
from assay.server.decoding import Decoder
from assay.server.mlflow_api import ENUM_NUMBERS, mlflow_routes
from assay.server.mlflow_api.runs import LogBatch, LogMetric, Search, Update
from assay.server.mlflow_api.wire import WireViewType
from assay.server.routing import Body, Dialect, Permission, Route


def decoder(request: type, *, method: str = "POST", path: str = "/x", **more: object) -> Decoder:
    route = Route(
        method=method,
        path=path,
        handler=lambda context, request: None,
        permission=Permission.READ,
        summary="",
        request=request,
        **{"dialect": Dialect.MLFLOW, **more},
    )
    return Decoder(route, numbers=ENUM_NUMBERS)


def decode(request: type, body: bytes = b"", *, query: bytes = b"", **params: str) -> object:
    method = "GET" if query else "POST"
    path = "/" + "/".join(f"{{{name}}}" for name in params)
    return decoder(request, method=method, path=path).decode(body, query=query, params=params)


def test_a_plain_request_is_decoded() -> None:
    got = decode(LogMetric, b'{"run_id":"r","key":"k","value":1.5,"timestamp":7,"step":3}')
    assert got == LogMetric(key="k", value=1.5, timestamp=7, run_id="r", step=3)


@pytest.mark.parametrize("number", [b"9007199254740993", b'"9007199254740993"'])
def test_int64_comes_as_number_or_text_and_stays_exact(number: bytes) -> None:
    got = decode(LogMetric, b'{"run_id":"r","key":"k","value":1,"timestamp":%b}' % number)
    assert got.timestamp == 9007199254740993


@pytest.mark.parametrize(
    "number", [b"9223372036854775808", b'"-9223372036854775809"', b"1.5", b"true"]
)
def test_what_is_no_int64_is_refused(number: bytes) -> None:
    with pytest.raises(InvalidInput, match="timestamp"):
        decode(LogMetric, b'{"run_id":"r","key":"k","value":1,"timestamp":%b}' % number)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b'"NaN"', math.nan),
        (b'"Infinity"', math.inf),
        (b'"-Infinity"', -math.inf),
        (b'"1e3"', 1000.0),
        (b"-0.0", -0.0),
    ],
)
def test_floats_come_as_numbers_or_names(text: bytes, value: float) -> None:
    got = decode(LogMetric, b'{"run_id":"r","key":"k","value":%b,"timestamp":1}' % text)
    assert msgspec.msgpack.encode(got.value) == msgspec.msgpack.encode(value)


@pytest.mark.parametrize("status", [b'"FINISHED"', b"3", b'"3"'])
def test_enums_come_by_name_or_number(status: bytes) -> None:
    assert decode(Update, b'{"run_id":"r","status":%b}' % status).status.value == "FINISHED"


@pytest.mark.parametrize("status", [b'"DONE"', b"9", b"true", b"[]"])
def test_an_unknown_enum_value_is_refused(status: bytes) -> None:
    with pytest.raises(InvalidInput, match="'status'"):
        decode(Update, b'{"run_id":"r","status":%b}' % status)


def test_camel_case_names_mean_the_same() -> None:
    got = decode(Search, b'{"experimentIds":["1"],"maxResults":"5","runViewType":"ALL"}')
    assert got == Search(experiment_ids=["1"], max_results=5, run_view_type=WireViewType.ALL)


def test_both_spellings_of_one_field_are_refused() -> None:
    with pytest.raises(InvalidInput, match="two spellings"):
        decode(Update, b'{"run_id":"r","runName":"a","run_name":"b"}')


def test_null_means_absent_and_unknown_fields_are_ignored() -> None:
    got = decode(LogBatch, b'{"run_id":"r","metrics":null,"future":{"a":[1]},"tags":[]}')
    assert got == LogBatch(run_id="r")


def test_a_body_encoded_twice_is_accepted() -> None:
    body = msgspec.json.encode('{"run_id": "r"}')
    assert decode(LogBatch, body) == LogBatch(run_id="r")


def test_a_get_takes_repeated_query_parameters() -> None:
    query = b"experiment_ids=1&experiment_ids=2&max_results=7&filter=a%20%3D%20%27b%27&other=1"
    got = decode(Search, query=query)
    assert got == Search(experiment_ids=["1", "2"], max_results=7, filter="a = 'b'")


def test_a_get_may_carry_a_json_body_instead() -> None:
    got = decoder(Search, method="GET").decode(b'{"experiment_ids":["1"]}', query=b"", params={})
    assert got.experiment_ids == ["1"]


def test_path_parameters_fill_fields() -> None:
    assert decode(Update, b'{"status":"FAILED"}', run_id="r7").run_id == "r7"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"metrics":[]}', "Missing value for required parameter 'run_id'"),
        (b'{"run_id":""}', "Missing value for required parameter 'run_id'"),
        (b'{"run_id":5}', "Invalid value for parameter 'run_id'"),
        (b'{"run_id":"r","metrics":[{"value":1,"timestamp":1}]}', r"'metrics\[0\].key'"),
        (
            b'{"run_id":"r","metrics":[{"key":"a","value":"x","timestamp":1}]}',
            r"'metrics\[0\].value'",
        ),
        (b'{"run_id":"r","metrics":{}}', "'metrics'"),
        (b"[]", "JSON object"),
        (b'"x"', "not valid JSON"),
        (b"{", "not valid JSON"),
        (b'{"run_id":"\xff"}', "UTF-8"),
        (b'{"run_id":"\\ud800"}', "not valid JSON"),
        (b'{"run_id":"r","metrics":[{"key":"a","value":1e999,"timestamp":1}]}', "value"),
        (b'{"run_id":"r","metrics":[{"key":"a","value":NaN,"timestamp":1}]}', "not valid JSON"),
        (b'{"a":' * 101 + b"1" + b"}" * 101, "nested too deeply"),
        (b'{"a":' + b"[" * 100 + b"]" * 100 + b"}", "nested too deeply"),
        (b'{"a":' + b"[" * 200, "nested too deeply"),
        (b'{"a":[' + b"{}," * 200, "not valid JSON"),
        (b'{"a":[' + b'"[",' * 200 + b"1]}", "Missing value for required parameter 'run_id'"),
        (b'{"a":"' + b'\\"[' * 100_000, "not valid JSON"),
        (b"", "Missing value for required parameter 'run_id'"),
    ],
)
def test_what_does_not_parse_is_refused_with_the_place(body: bytes, message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        decode(LogBatch, body)


def test_a_hundred_levels_are_taken_whatever_their_number_of_brackets() -> None:
    body = b'{"run_id":"r","metrics":[],"x":' + b"[" * 98 + b"[]," * 98 + b"1" + b"]" * 98 + b"}"
    assert decode(LogBatch, body).run_id == "r"


@pytest.mark.parametrize("query", [b"run_id=%ff", b"run_id=\xff", b"a=1&" * 20_001])
def test_a_malformed_query_is_refused(query: bytes) -> None:
    with pytest.raises(InvalidInput):
        decode(LogBatch, query=query)


def test_the_strict_dialect_takes_no_liberties() -> None:
    strict = decoder(LogMetric, dialect=Dialect.STRICT)
    with pytest.raises(InvalidInput, match="timestamp"):
        strict.decode(b'{"key":"k","value":1,"timestamp":"1"}', query=b"", params={})
    with pytest.raises(InvalidInput, match="runId"):
        strict.decode(b'{"key":"k","value":1,"timestamp":1,"runId":"r"}', query=b"", params={})


def test_messagepack_is_decoded_where_the_route_takes_it() -> None:
    packed = decoder(LogMetric, dialect=Dialect.STRICT, body=Body.MSGPACK)
    body = msgspec.msgpack.encode({"key": "k", "value": 1.0, "timestamp": 1})
    assert packed.decode(body, query=b"", params={}, packed=True).key == "k"


def test_every_request_struct_of_mlflows_api_refuses_unknown_fields_on_the_fast_road() -> None:
    lenient = [route.request for route in mlflow_routes() if route.dialect is Dialect.MLFLOW]
    assert all(request.__struct_config__.forbid_unknown_fields for request in lenient)
