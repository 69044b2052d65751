"""One response's bytes to its facts: what cannot be read costs that response, and says why."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
import zstandard

from otel_llm.formats import bedrock_converse, framing, gemini, ollama, openai_chat
from otel_llm.formats.facts import Format, Usage
from otel_llm.formats.reader import Reader

ANSWER = json.dumps({"choices": [{"message": {"content": "hi"}}], "usage": {"prompt_tokens": 7}}).encode()
SSE, LINES, AWS = "text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream"


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


ENCODINGS = [
    ("gzip", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate), ("br", brotli.compress),
    ("zstd", zstandard.compress),
]  # fmt: skip


@pytest.mark.parametrize(("encoding", "pack"), ENCODINGS)
@pytest.mark.parametrize("step", [1, 10_000])
def test_an_encoded_body(encoding: str, pack: Callable[[bytes], bytes], step: int) -> None:
    reader, data = Reader(openai_chat.CHAT, "application/json", encoding), pack(ANSWER)
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step])
    reader.end()
    assert reader.facts.undecodable is None
    assert reader.facts.usage == Usage(input=7)


@pytest.mark.parametrize("content_type", ["application/json", SSE])
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "no-such-encoding"])
def test_a_body_that_is_not_in_its_encoding(encoding: str, content_type: str) -> None:
    reader = Reader(openai_chat.CHAT, content_type, encoding)
    for _ in range(3):
        assert reader.feed(b"\xff\xff\xff\xff is not encoded") == 0
    assert reader.end() == 0
    assert reader.facts.undecodable == "encoding"
    assert not reader.facts.complete


@pytest.mark.parametrize(
    ("wire_format", "content_type", "pieces", "why"),
    [
        (openai_chat.CHAT, "application/json", [b'{"id": "', b"x" * 200, b'"}'], "size"),
        (openai_chat.CHAT, SSE, [b'data: {"id": "', b"x" * 200, b'"}\n\n'], "size"),
        (openai_chat.CHAT, SSE, [b'data: {"id": "', b"x" * 200], "size"),
        (ollama.CHAT, LINES, [b'{"model": "', b"x" * 200, b'"}\n'], "size"),
        (bedrock_converse.CONVERSE, AWS, [b"<p>no event stream at all</p>"], "syntax"),
        (openai_chat.CHAT, SSE, [b'data: {"id": "x', b'"}\n\n'], None),
    ],
)
def test_what_a_framing_lost_is_said(
    wire_format: Format, content_type: str, pieces: list[bytes], why: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(framing, "EVENT_CAP", 100)
    reader = Reader(wire_format, content_type)
    for piece in pieces:
        reader.feed(piece)
    reader.end()
    assert reader.facts.undecodable == why


def test_an_event_that_was_lost_leaves_the_ones_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(framing, "EVENT_CAP", 100)
    reader = Reader(openai_chat.CHAT, SSE)
    last: dict[str, Any] = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 2}}
    for piece in (b"data: ", b"x" * 200, b"\n\n", b"data: " + json.dumps(last).encode() + b"\n\n"):
        reader.feed(piece)
    reader.end()
    assert (reader.facts.usage, reader.facts.undecodable) == (Usage(input=7, output=2), "size")


FIRST = {"candidates": [{"content": {"parts": [{"text": "a, "}]}}], "responseId": "r"}
LAST = {"candidates": [{"content": {"parts": [{"text": "b"}]}, "finishReason": "STOP"}],
        "usageMetadata": {"promptTokenCount": 7, "candidatesTokenCount": 2}}  # fmt: skip


def test_chunks_of_an_array_count_as_they_come() -> None:
    reader = Reader(gemini.GENERATE, "application/json; charset=UTF-8", asked_stream=True)
    assert reader.streamed
    first, last = json.dumps(FIRST).encode(), json.dumps(LAST).encode()
    assert [reader.feed(piece) for piece in (b"[", first, b"\n,\r\n" + last[:30], last[30:] + b"\n]\n")] == [0, 1, 0, 1]
    assert reader.end() == 0
    facts = reader.facts
    assert (facts.chunks, facts.finish_reasons, facts.response_id) == (2, {0: "STOP"}, "r")
    assert (facts.usage, facts.undecodable) == (Usage(input=7, output=2), None)


@pytest.mark.parametrize("body", [{"error": {"code": 429}}, [{"error": {"code": 429}}]])
def test_an_error_in_place_of_a_stream_is_no_chunk(body: Any) -> None:
    reader = Reader(gemini.GENERATE, "application/json", asked_stream=True)
    assert reader.feed(json.dumps(body).encode()) == reader.end() == 0
    assert (reader.facts.error_code, reader.facts.chunks) == ("429", 0)


@pytest.mark.parametrize(
    ("wire_format", "asked_stream"), [(gemini.GENERATE, False), (openai_chat.CHAT, True), (openai_chat.CHAT, False)]
)
def test_a_json_answer_is_else_one_document(wire_format: Format, asked_stream: bool) -> None:
    reader = Reader(wire_format, "application/json", asked_stream=asked_stream)
    assert not reader.streamed
    assert reader.feed(b'{"error": {"code": 429}}') == reader.end() == 0
    assert reader.facts.error_code == "429"
    assert reader.facts.complete
