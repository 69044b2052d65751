"""Raw calls over aiohttp."""

from __future__ import annotations

import gc
import json
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator
from tests.behaviour.row import CHAT, USAGE
from tests.telemetry import Telemetry

PATH = "/v1/chat/completions"


class To(AbstractResolver):
    """Every name is the emulator's address."""

    def __init__(self, emulator: Emulator) -> None:
        self.port = int(emulator.url.rpartition(":")[2])

    async def resolve(self, host: str, port: int = 0, family: Any = 0) -> Any:
        return [{"hostname": host, "host": "127.0.0.1", "port": self.port, "family": 2, "proto": 0, "flags": 0}]

    async def close(self) -> None:
        pass


async def test_stream(emulator: Emulator, telemetry: Telemetry) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.post(emulator.url + PATH, json={**CHAT, **USAGE}) as response,
    ):
        assert [line async for line in response.content if line.strip()][-1] == b"data: [DONE]\n"
    span = telemetry.one()
    assert (span.outcome, span.tokens, span[catalog.SPAN_CLIENT]) == ("success", (11, 7), "http")


@pytest.mark.parametrize("port", ["", ":80"])
async def test_the_schemes_own_port_is_no_label(port: str, emulator: Emulator, telemetry: Telemetry) -> None:
    """As over httpx, whose URLs drop it: else one provider has two sets of series."""
    connector = aiohttp.TCPConnector(resolver=To(emulator))
    url = f"http://api.openai.com{port}{PATH}"
    async with aiohttp.ClientSession(connector=connector) as session, session.post(url, json=CHAT) as response:
        await response.json()
    span = telemetry.one()
    assert (span.outcome, span[catalog.SERVER_ADDRESS]) == ("success", "api.openai.com")
    assert span.get(catalog.SERVER_PORT) is None


async def test_a_body_that_only_the_sessions_serialiser_can_write(emulator: Emulator, telemetry: Telemetry) -> None:
    class Odd:
        pass

    def serialise(body: Any) -> str:
        return json.dumps(body, default=lambda _: "odd")

    async with aiohttp.ClientSession(json_serialize=serialise) as session:
        for _ in range(2):
            async with session.post(emulator.url + PATH, json={**CHAT, "metadata": {"a": Odd()}}) as response:
                assert (await response.json())["model"] == "gpt-4o"
    assert [span[catalog.REQUEST_MODEL] for span in telemetry.spans()] == ["gpt-4o"] * 2
    assert telemetry.value(catalog.DUPLICATE_CALLS) == 0  # nobody knows whether they were
    assert emulator.requests[0].body["metadata"] == {"a": "odd"}


async def test_a_body_that_is_no_json(emulator: Emulator, telemetry: Telemetry) -> None:
    """The app's exception is the session's own."""
    loop: dict[Any, Any] = {}
    loop["again"] = loop
    connector = aiohttp.TCPConnector(resolver=To(emulator))
    async with aiohttp.ClientSession(connector=connector) as session:
        with pytest.raises(ValueError, match="Circular"):
            await session.post("http://api.openai.com" + PATH, json={**CHAT, "metadata": loop})
    assert telemetry.one().outcome == "error"


@pytest.mark.parametrize("name", ["close", "release"])
async def test_methods_that_outlive_the_response(name: str, emulator: Emulator, telemetry: Telemetry) -> None:
    async with aiohttp.ClientSession() as session:
        leave = getattr(await session.post(emulator.url + PATH, json={**CHAT, **USAGE}), name)
        gc.collect()
        assert isinstance(leave.__self__, aiohttp.ClientResponse)
        leave()
    assert telemetry.one().outcome == "abandoned"
