"""What a time-out waited for, end to end: real HTTP libraries with tiny time-outs against servers that stall."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable, Iterator

import boto3
import httpx2
import pytest
import requests
from botocore.config import Config

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Reply
from tests.telemetry import Telemetry

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
WAIT = 0.2
"""Seconds that a client waits, for the phase that is meant to time out."""
LONG = 30.0


def by_httpx2(url: str, connect: float, read: float) -> None:
    with httpx2.Client(timeout=httpx2.Timeout(LONG, connect=connect, read=read)) as client:
        client.post(f"{url}/v1/chat/completions", json=CHAT)


def by_requests(url: str, connect: float, read: float) -> None:
    requests.post(f"{url}/v1/chat/completions", json=CHAT, timeout=(connect, read))


def by_botocore(url: str, connect: float, read: float) -> None:
    config = Config(connect_timeout=connect, read_timeout=read, retries={"total_max_attempts": 1})
    client = boto3.client(
        "bedrock-runtime", region_name="us-east-1", endpoint_url=url, config=config,
        aws_access_key_id="k", aws_secret_access_key="s",
    )  # fmt: skip
    try:
        client.converse(modelId="amazon.nova-lite-v1:0", messages=[{"role": "user", "content": [{"text": "hi"}]}])
    finally:
        client.close()


def by_aiohttp(url: str, connect: float, read: float) -> None:
    aiohttp = pytest.importorskip("aiohttp", reason="comes with the version matrix's aiohttp environments")

    async def ask() -> None:
        limits = aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=read)
        async with aiohttp.ClientSession(timeout=limits) as session:
            headers = {"content-type": "application/json"}
            async with session.post(f"{url}/v1/chat/completions", data=json.dumps(CHAT), headers=headers):
                pass

    asyncio.run(ask())


CLIENTS = pytest.mark.parametrize(
    "ask", [by_httpx2, by_requests, by_botocore, by_aiohttp], ids=lambda ask: ask.__name__
)
Ask = Callable[[str, float, float], None]


@CLIENTS
def test_a_server_that_takes_the_request_and_says_nothing(ask: Ask, emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.broken("stall"))
    told(ask, emulator.url, LONG, WAIT, telemetry, "read")


@pytest.fixture
def full() -> Iterator[str]:
    """A listener whose queue of connections is full: another one is never made."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting: list[socket.socket] = []
        try:
            for _ in range(64):
                client = socket.socket()
                waiting.append(client)
                client.settimeout(WAIT)
                try:
                    client.connect(listener.getsockname())
                except TimeoutError:
                    break
            else:
                pytest.fail("this machine's queue of connections does not fill up")
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for client in waiting:
                client.close()


@CLIENTS
def test_a_server_that_takes_no_connection(ask: Ask, full: str, telemetry: Telemetry) -> None:
    told(ask, full, WAIT, LONG, telemetry, "connect")


def told(ask: Ask, url: str, connect: float, read: float, telemetry: Telemetry, phase: str) -> None:
    with pytest.raises(Exception, match=r"(?i)time"):
        ask(url, connect, read)
    span = telemetry.one()
    assert (span.outcome, span.error_class, span[catalog.SPAN_TIMEOUT_PHASE]) == ("error", "timeout", phase)
    assert telemetry.value(catalog.CALLS, error_class="timeout") == 1
