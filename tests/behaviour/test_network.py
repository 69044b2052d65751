"""What goes wrong between app and provider: the app gets the SDK's own exception, the call its class."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Reply
from tests.behaviour.rows import CHAT, EMBED, MESSAGE, USAGE
from tests.telemetry import Telemetry

Stream = Callable[[str], Any]


_opened: list[Any] = []
"""Clients of streams, which hold their sockets open until they are closed."""


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while _opened:
        _opened.pop().close()


def openai_stream(url: str, **options: Any) -> Any:
    client = openai.OpenAI(base_url=url + "/v1", api_key="k", **{"max_retries": 0, "timeout": 5, **options})
    _opened.append(client)
    return client.chat.completions.create(**CHAT, **USAGE)


def anthropic_stream(url: str, **options: Any) -> Any:
    client = anthropic.Anthropic(base_url=url, api_key="k", **{"max_retries": 0, "timeout": 5, **options})
    _opened.append(client)
    return client.messages.create(**MESSAGE, stream=True)


BOTH = pytest.mark.parametrize("stream", [openai_stream, anthropic_stream])


@BOTH
def test_compressed_stream_is_read(stream: Stream, emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.stream("one ", "two ", "three", gzip=True, split=7))
    list(stream(emulator.url))
    span = telemetry.one()
    assert (span.outcome, span.tokens, span.finish) == ("success", (11, 7), ["stop"])
    assert telemetry.value(catalog.FIRST_CHUNK) == 1


def test_compressed_body_is_read(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.chat(gzip=True))
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        client.chat.completions.create(**CHAT)
    assert telemetry.one().tokens == (11, 7)


def test_compressed_body_read_piece_by_piece(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.chat(gzip=True))
    with (
        openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client,
        client.chat.completions.with_streaming_response.create(**CHAT) as response,
    ):
        assert b"".join(response.iter_bytes())
    assert telemetry.one().tokens == (11, 7)


@BOTH
def test_connection_cut_in_a_stream(stream: Stream, emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.broken("cut", after=2))
    with pytest.raises((openai.APIConnectionError, anthropic.APIConnectionError, httpx2.RemoteProtocolError)):
        list(stream(emulator.url))
    span = telemetry.one()
    assert (span.outcome, span.error_class) == ("error", "network")
    assert span[catalog.ERROR_TYPE] == "httpx2.RemoteProtocolError"
    assert span.finish == ["error"]
    assert span.statuses == [200]


def test_stream_that_ends_too_early(emulator: Emulator, telemetry: Telemetry) -> None:
    """The connection ends in good order, but the event with which the format ends every stream is missing."""
    emulator.reply(Reply.raw(b'event: ping\ndata: {"type":"ping"}\n\n', content_type="text/event-stream"))
    list(anthropic_stream(emulator.url))
    span = telemetry.one()
    assert (span.outcome, span.error_class, span[catalog.ERROR_TYPE]) == ("error", "network", "incomplete_stream")


@BOTH
def test_stall_runs_into_the_read_timeout(stream: Stream, emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.broken("stall", after=2))
    with pytest.raises((openai.APITimeoutError, anthropic.APITimeoutError, httpx2.ReadTimeout)):
        list(stream(emulator.url, timeout=0.2))
    span = telemetry.one()
    assert (span.outcome, span.error_class) == ("error", "timeout")


def test_timeout_before_the_response_counts_every_attempt(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.broken("stall"), Reply.broken("stall"))
    client = openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", timeout=0.1, max_retries=1)
    with client, pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(**CHAT)
    span = telemetry.one()
    assert (span.outcome, span.error_class, span[catalog.ERROR_TYPE]) == ("error", "timeout", "openai.APITimeoutError")
    assert span.statuses == [None, None]
    assert telemetry.counts(catalog.RETRIES, catalog.ERROR_CLASS) == {"timeout": 1}


def test_refused_connection_is_three_attempts_without_status(telemetry: Telemetry) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{port}/v1", api_key="k")
    with client, pytest.raises(openai.APIConnectionError):
        client.embeddings.create(**EMBED)
    span = telemetry.one()
    assert (span.outcome, span.error_class) == ("error", "network")
    assert span.statuses == [None, None, None]
    assert span[catalog.SERVER_PORT] == port
    assert telemetry.counts(catalog.RETRIES, catalog.ERROR_CLASS) == {"network": 2}


@BOTH
def test_error_event_in_a_good_response(stream: Stream, emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.error("rate_limit", after=1))
    with pytest.raises((openai.APIError, anthropic.APIError)):
        list(stream(emulator.url))
    span = telemetry.one()
    assert (span.outcome, span.error_class, span.statuses) == ("error", "rate_limit", [200])


def test_body_that_is_no_json(emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.raw(b'{"id": '))
    client = openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", max_retries=0)
    with client, pytest.raises(Exception, match=r"Expecting value|JSON|EOF"):
        client.chat.completions.create(**CHAT)
    span = telemetry.one()
    assert (span.outcome, span.error_class, span.statuses) == ("error", "provider", [200])


def test_errors_after_a_good_response_are_the_users(emulator: Emulator, telemetry: Telemetry) -> None:
    """An exception in the app's own loop is not the call's failure."""
    emulator.reply(Reply.broken("stall", after=2))
    with pytest.raises(ZeroDivisionError), openai_stream(emulator.url) as stream:
        next(1 / 0 for _ in stream)
    assert telemetry.one().outcome == "abandoned"


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_connection_cut_in_a_body(library: Any, emulator: Emulator, telemetry: Telemetry) -> None:
    emulator.reply(Reply.broken("cut", after=0))
    with pytest.raises(library.RemoteProtocolError):
        library.post(emulator.url + "/v1/chat/completions", json=CHAT)
    span = telemetry.one()
    assert (span.outcome, span.error_class) == ("error", "network")
