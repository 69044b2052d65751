"""A stream whose chunks are alike reads the same whether each is parsed or not."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any
from unittest import mock

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_llm.formats import anthropic_messages, openai_chat, reader
from otel_llm.formats.facts import Facts, Format
from otel_llm.formats.reader import Reader
from otel_llm.formats.template import learn, prose

SSE = "text/event-stream"


def sse(event: object, *, compact: bool = True) -> bytes:
    kind = event.get("type") if isinstance(event, dict) else None
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":") if compact else None)
    return (f"event: {kind}\n" if kind else "").encode() + f"data: {data}\n\n".encode()


def openai(text: str | None, **rest: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": {"content": text, **rest.pop("delta", {})}, "finish_reason": None}
    return {"id": "c", "model": "m", "choices": [{**choice, **rest.pop("choice", {})}], **rest}


def anthropic(text: str, place: int = 0) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": place, "delta": {"type": "text_delta", "text": text}}


def told(wire_format: Format, pieces: list[bytes], lessons: int, *, json_asked: bool = False) -> list[object]:
    """What was counted piece by piece, and every fact."""
    facts = Facts()
    facts.json_asked = json_asked
    with mock.patch.object(reader, "LESSONS", lessons):
        reading = Reader(wire_format, SSE, facts=facts)
        counts = [reading.feed(piece) for piece in pieces]
        counts.append(reading.end())
    gathered = [kept and kept.broken(objects=objects) for kept, objects in
                ((facts.answers, False), (facts.arguments, True))]  # fmt: skip
    facts.forget()
    return [counts, gathered, msgspec.structs.asdict(facts)]


TEXT = st.text(st.sampled_from('ab \\"\n{}é\u2028')) | st.sampled_from(["\\", '"', '\\"', "\\\\", '"}}', "data: "])
TOOL = {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": '{"a":'}}]}
OPENAI = st.builds(
    openai, TEXT | st.none(),
    delta=st.sampled_from([{}, {}, {}, TOOL, {"refusal": "no"}, {"reasoning_content": "hm"}]),
    choice=st.sampled_from([{}, {}, {}, {"finish_reason": "stop"}, {"index": 1}, {"text": "x"}]),
    usage=st.sampled_from([None, None, {"prompt_tokens": 1, "completion_tokens": 2}]),
    obfuscation=TEXT,
)  # fmt: skip
ANTHROPIC = st.one_of(
    st.builds(anthropic, TEXT, st.integers(0, 1)),
    st.builds(anthropic, TEXT),
    st.just({"type": "ping"}),
    st.sampled_from(["text", "thinking", "tool_use"]).map(
        lambda kind: {
            "type": "content_block_start",
            "index": 0,
            "content_block": {"type": kind, "text": "", "name": "f"},
        }
    ),
    TEXT.map(lambda said: {"type": "content_block_delta", "delta": {"type": "thinking_delta", "thinking": said}}),
    TEXT.map(lambda said: {"type": "content_block_delta", "delta": {"type": "input_json_delta", "partial_json": said}}),
    st.just({"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 3}}),
)


@pytest.mark.parametrize(
    ("wire_format", "events"), [(openai_chat.CHAT, OPENAI), (anthropic_messages.MESSAGES, ANTHROPIC)]
)
def test_nothing_is_read_otherwise(wire_format: Format, events: st.SearchStrategy[dict[str, Any]]) -> None:
    @given(st.lists(events, max_size=12), st.booleans(), st.booleans(), st.lists(st.integers(0, 2000), max_size=4))
    def reads_the_same(said: list[dict[str, Any]], compact: bool, asked: bool, cuts: list[int]) -> None:
        pieces = [sse(event, compact=compact) for event in said]
        if cuts:  # the network cuts as it likes
            whole = b"".join(pieces)
            edges = sorted({0, len(whole), *(cut for cut in cuts if cut < len(whole))})
            pieces = [whole[begin:end] for begin, end in itertools.pairwise(edges)] + pieces
        parsed = told(wire_format, pieces, 0, json_asked=asked)
        assert told(wire_format, pieces, 32, json_asked=asked) == parsed

    reads_the_same()


def plain(number: int) -> dict[str, Any]:
    return openai(f"word {number}")


def obfuscated(number: int) -> dict[str, Any]:
    return openai(f"word {number}", obfuscation="x" * (number % 7))


@pytest.mark.parametrize(
    ("wire_format", "event"),
    [
        (openai_chat.CHAT, plain),
        (openai_chat.CHAT, obfuscated),
        (openai_chat.COMPLETIONS, lambda number: {"id": "c", "choices": [{"index": 0, "text": f"{number}"}]}),
        (anthropic_messages.MESSAGES, lambda number: anthropic(f"word {number}")),
    ],
)
def test_alike_chunks_are_not_parsed(wire_format: Any, event: Callable[[int], dict[str, Any]]) -> None:
    with mock.patch.object(type(wire_format), "event", autospec=True, side_effect=type(wire_format).event) as parsed:
        reading = Reader(wire_format, SSE)
        assert [reading.feed(sse(event(number))) for number in range(50)] == [1] * 50
    assert reading.facts.chunks == 50
    assert parsed.call_count <= 2


def test_chunks_that_all_differ_are_soon_no_longer_learned_from() -> None:
    reading = Reader(openai_chat.CHAT, SSE)
    with mock.patch.object(reader, "learn", side_effect=learn) as learned:
        for number in range(200):
            assert reading.feed(sse(openai("word", created=number))) == 1
    assert learned.call_count <= reader.LESSONS


@pytest.mark.parametrize(
    "data", [b"", b'{"x":"text"}', b'{"content":["text"]}', b'{"content":"cut', b'{"\\"content\\":\\"a"}']
)
def test_no_text_no_template(data: bytes) -> None:
    assert learn(data, prose("content")) is None


def test_a_template_is_not_read_into_a_piece_that_began_before() -> None:
    reading = Reader(openai_chat.CHAT, SSE)
    alike = sse(openai("a"))
    begun = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":1}}\n'
    assert [reading.feed(piece) for piece in (alike, alike, begun, b"\n" + alike, alike)] == [1, 1, 0, 2, 1]
    assert reading.facts.usage is not None
    assert reading.facts.usage.input == 7


def test_an_empty_text_says_nothing_of_the_next_one() -> None:
    reading = Reader(openai_chat.CHAT, SSE)
    assert [reading.feed(sse(openai(text))) for text in ("", "", "a", "b")] == [1] * 4
    assert reading.facts.text is True
