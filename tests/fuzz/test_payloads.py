"""Broken, sloppy and hostile bodies and streams: what the bare SDK does is what the app sees, always."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx
import httpx2
import openai
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.behaviour.scenarios import shown
from tests.fuzz.corpus import CHUNK, CORPUS, DELTA, DONE, JSON, SSE, START
from tests.telemetry import observed

ASK: Any = [{"role": "user", "content": "hi"}]
MESSAGES: Any = {"model": "m", "max_tokens": 9, "messages": ASK}


def transport(library: Any, status: int, kind: str, encoding: str, pieces: list[bytes], cut: bool) -> Any:
    """Answers every request with these pieces."""

    class Body(library.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield from pieces
            if cut:
                raise library.ReadError("cut")

    def answer(request: Any) -> Any:
        headers = {"content-type": kind} | ({"content-encoding": encoding} if encoding else {})
        return library.Response(status, headers=headers, stream=Body())

    return library.MockTransport(answer)


def _openai(library: Any, wire: Any) -> Any:
    return openai.OpenAI(
        api_key="k", base_url="http://fuzz.test/v1", http_client=library.Client(transport=wire), max_retries=0
    )


def _anthropic(library: Any, wire: Any) -> Any:
    return anthropic.Anthropic(
        api_key="k", base_url="http://fuzz.test", http_client=library.Client(transport=wire), max_retries=0
    )


def _helper(client: Any) -> Any:
    with client.messages.stream(**MESSAGES) as stream:
        return [*stream, stream.get_final_message()]


def _raw(library: Any, wire: Any) -> Any:
    return library.Client(transport=wire)


def _raw_stream(client: Any) -> Any:
    with client.stream("POST", "http://fuzz.test/v1/chat/completions", json={"model": "m", "messages": ASK}) as answer:
        return [answer.status_code, list(answer.iter_lines())]


Answer = tuple[int, str, str, list[bytes], bool]
"""Status, content type, content encoding, pieces of the body, and whether the connection breaks after them."""
Make = Callable[[Any, Any], Any]
USES: dict[str, tuple[Make, Callable[[Any], Any]]] = {
    "chat": (_openai, lambda c: c.chat.completions.create(model="m", messages=ASK)),
    "chat-stream": (_openai, lambda c: list(c.chat.completions.create(model="m", messages=ASK, stream=True))),
    "completion": (_openai, lambda c: c.completions.create(model="m", prompt="hi")),
    "embeddings": (_openai, lambda c: c.embeddings.create(model="m", input="hi")),
    "responses": (_openai, lambda c: c.responses.create(model="m", input="hi")),
    "responses-stream": (_openai, lambda c: list(c.responses.create(model="m", input="hi", stream=True))),
    "messages": (_anthropic, lambda c: c.messages.create(**MESSAGES)),
    "messages-stream": (_anthropic, lambda c: list(c.messages.create(**MESSAGES, stream=True))),
    "messages-helper": (_anthropic, _helper),
    "raw": (_raw, lambda c: c.post("http://fuzz.test/v1/messages", json={"model": "m", "messages": ASK}).content),
    "raw-stream": (_raw, _raw_stream),
}  # fmt: skip
LIBRARY = {_openai: httpx2, _anthropic: httpx2, _raw: httpx}


def seen(use: str, answer: Answer) -> Any:
    """What the app gets: a value, or an exception with its type and words."""
    make, do = USES[use]
    library = LIBRARY[make]
    with make(library, transport(library, *answer)) as client:
        try:
            return shown(do(client))
        except RecursionError as error:  # where it is raised depends on the depth of the stack
            return type(error)
        except Exception as error:
            return shown(error)


def same(use: str, answers: list[Answer], content: str) -> None:
    bare = [seen(use, answer) for answer in answers]
    with observed(content=content) as telemetry:
        watched = [seen(use, answer) for answer in answers]
        assert len(telemetry.spans()) == len(answers)
    for answer, with_us, without in zip(answers, watched, bare, strict=True):
        assert repr(with_us) == repr(without), answer


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("content", ["no_content", "span_only"])
def test_corpus(use: str, content: str) -> None:
    kinds = ((200, JSON), (200, SSE), (400, JSON), (500, "text/html"))
    same(use, [(status, kind, "", [body], False) for body in CORPUS for status, kind in kinds], content)


piece = st.one_of(st.sampled_from(CORPUS), st.binary(max_size=64), st.sampled_from((CHUNK, DONE, DELTA, START)))
encodings = st.sampled_from(("", "", "", "gzip", "deflate", "br", "nonsense"))


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    use=st.sampled_from(sorted(USES)), status=st.sampled_from((200, 200, 200, 201, 204, 400, 429, 503)),
    kind=st.sampled_from((JSON, SSE, SSE + "; charset=utf-8", "", "text/plain")), encoding=encodings,
    pieces=st.lists(piece, max_size=6), split=st.integers(0, 7), cut=st.booleans(), zipped=st.booleans(),
    content=st.sampled_from(("no_content", "span_and_event")),
)  # fmt: skip
def test_anything(
    use: str, status: int, kind: str, encoding: str, pieces: list[bytes], split: int, cut: bool, zipped: bool,
    content: str,
) -> None:  # fmt: skip
    body = b"".join(pieces)[:20_000]
    if zipped and encoding == "gzip":
        body = gzip.compress(body, mtime=0)
    parts = [body[at : at + split] for at in range(0, min(len(body), 300), split)] if split else [body]
    same(use, [(status, kind, encoding, parts, cut)], content)
