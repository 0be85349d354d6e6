"""Bodies: limits hold after unpacking, a broken connection is no body."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from assay.http.bodies import BodyPump, ClientGone, read_body, unpack
from assay.http.errors import HttpError


def sending(*messages: dict[str, Any]) -> Callable[[], Awaitable[dict[str, Any]]]:
    waiting = list(messages)

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    return receive


def part(body: bytes, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


GONE = {"type": "http.disconnect"}


def test_a_body_in_parts_is_put_together() -> None:
    receive = sending(part(b"ab", True), part(b"", True), part(b"c"))
    assert asyncio.run(read_body(receive, limit=3)) == b"abc"


@pytest.mark.parametrize(
    "parts",
    [[part(b"abcd")], [part(b"ab", True), part(b"cd", True)], [part(b"ab", True), part(b"cd")]],
)
def test_a_body_over_the_limit_is_refused(parts: list[dict[str, Any]]) -> None:
    with pytest.raises(HttpError) as refused:
        asyncio.run(read_body(sending(*parts), limit=3))
    assert refused.value.status == 413


@pytest.mark.parametrize("parts", [[GONE], [part(b"a", True), GONE]])
def test_a_broken_connection_is_no_body(parts: list[dict[str, Any]]) -> None:
    with pytest.raises(ClientGone):
        asyncio.run(read_body(sending(*parts), limit=10))


def test_gzip_is_undone() -> None:
    assert unpack(gzip.compress(b"x" * 1000), b"gzip", limit=1000) == b"x" * 1000


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (gzip.compress(bytes(10**7)), b"gzip", 413),
        (gzip.compress(b"x")[:-4], b"gzip", 400),
        (b"no gzip", b"gzip", 400),
        (b"x", b"br", 415),
    ],
)
def test_bad_packing_is_refused(body: bytes, encoding: bytes, status: int) -> None:
    with pytest.raises(HttpError) as refused:
        unpack(body, encoding, limit=1000)
    assert refused.value.status == status


def pumped(*messages: dict[str, Any], first: bytes) -> bytes:
    async def run() -> bytes:
        pump = BodyPump(sending(*messages), first=first, more=True)
        reading = asyncio.get_running_loop().run_in_executor(None, lambda: b"".join(pump.chunks()))
        feeding = asyncio.ensure_future(pump.run())
        try:
            return await reading
        finally:
            await asyncio.gather(feeding, return_exceptions=True)

    return asyncio.run(run())


def test_a_long_body_reaches_the_thread_whole_and_in_order() -> None:
    blocks = [bytes([n]) * 300_000 for n in range(40)]
    messages = [part(block, True) for block in blocks[1:]]
    assert pumped(*messages, part(b"end"), first=blocks[0]) == b"".join(blocks) + b"end"


def test_a_connection_that_breaks_raises_in_the_thread() -> None:
    with pytest.raises(ClientGone):
        pumped(part(b"a", True), GONE, first=b"x")
