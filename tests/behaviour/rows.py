"""The clients of the behaviour matrix: one row each.

To add a client, add a :class:`Row` to :data:`ROWS`: how its sync and its async client are made for a base URL, and how
each thing that it can do is done. The functions are written once for both clients (they return what the SDK returns,
an awaitable in the async case). What a client cannot do stays ``None`` and its cells are not run. The emulator must
speak the client's API (``otel_llm.demo.emulator.routes``).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anthropic
import openai
from pydantic import BaseModel

Do = Callable[[Any], Any]
"""Does one thing with a client, sync or async."""

ASK: Any = [{"role": "user", "content": "Say a word."}]


class Word(BaseModel):
    """What ``parse`` asks for."""

    word: str


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    client: str
    """Value of ``otel_llm.client``."""
    provider: str = ""
    """Value of ``gen_ai.provider.name``; as the client where empty."""
    operation: str = "chat"
    model: str
    sync: Callable[[str], Any]
    """The client for an emulator's URL; it retries twice at most and waits 5 seconds at most."""
    asynchronous: Callable[[str], Any]
    plain: Do
    stream: Do | None = None
    """Returns an iterator of chunks with ``close()``; asks for usage where that has to be asked for."""
    helper: Do | None = None
    """Returns the context manager of ``.stream()``."""
    final: Do = lambda stream: None
    """The whole answer of what :attr:`helper` entered."""
    raw: Do | None = None
    streaming: Do | None = None
    """Returns the context manager of ``with_streaming_response``."""
    parse: Do | None = None
    tokens: tuple[int | None, int | None] = (11, 7)
    """Usage of the emulator's answer, as the span shows it."""
    finish: tuple[str, ...] = ("stop",)
    early_tokens: tuple[int | None, int | None] = (None, None)
    """Usage that is stated before the first chunk of output."""


def _openai(kind: type[Any]) -> Callable[[str], Any]:
    return lambda url: kind(base_url=url + "/v1", api_key="sk-demo", timeout=5)


def _anthropic(kind: type[Any]) -> Callable[[str], Any]:
    return lambda url: kind(base_url=url, api_key="sk-demo", timeout=5)


CHAT = {"model": "gpt-4o", "messages": ASK}
RESPONSE = {"model": "gpt-4o", "input": "Say a word."}
MESSAGE = {"model": "claude-opus-4-8", "messages": ASK, "max_tokens": 64}
COMPLETION = {"model": "gpt-3.5-turbo-instruct", "prompt": "Say a word."}
EMBED = {"model": "text-embedding-3-small", "input": "a word"}
USAGE = {"stream": True, "stream_options": {"include_usage": True}}

ROWS = (
    Row(
        name="openai-chat",
        client="openai",
        model="gpt-4o",
        sync=_openai(openai.OpenAI),
        asynchronous=_openai(openai.AsyncOpenAI),
        plain=lambda c: c.chat.completions.create(**CHAT),
        stream=lambda c: c.chat.completions.create(**CHAT, **USAGE),
        helper=lambda c: c.chat.completions.stream(**CHAT, stream_options={"include_usage": True}),
        final=lambda stream: stream.get_final_completion(),
        raw=lambda c: c.chat.completions.with_raw_response.create(**CHAT),
        streaming=lambda c: c.chat.completions.with_streaming_response.create(**CHAT),
        parse=lambda c: c.chat.completions.parse(**CHAT, response_format=Word),
    ),
    Row(
        name="openai-responses",
        client="openai",
        model="gpt-4o",
        sync=_openai(openai.OpenAI),
        asynchronous=_openai(openai.AsyncOpenAI),
        plain=lambda c: c.responses.create(**RESPONSE),
        stream=lambda c: c.responses.create(**RESPONSE, stream=True),
        helper=lambda c: c.responses.stream(**RESPONSE),
        final=lambda stream: stream.get_final_response(),
        raw=lambda c: c.responses.with_raw_response.create(**RESPONSE),
        streaming=lambda c: c.responses.with_streaming_response.create(**RESPONSE),
        parse=lambda c: c.responses.parse(**RESPONSE, text_format=Word),
    ),
    Row(
        name="openai-completions",
        client="openai",
        operation="text_completion",
        model="gpt-3.5-turbo-instruct",
        sync=_openai(openai.OpenAI),
        asynchronous=_openai(openai.AsyncOpenAI),
        plain=lambda c: c.completions.create(**COMPLETION),
        stream=lambda c: c.completions.create(**COMPLETION, **USAGE),
        raw=lambda c: c.completions.with_raw_response.create(**COMPLETION),
        streaming=lambda c: c.completions.with_streaming_response.create(**COMPLETION),
    ),
    Row(
        name="openai-embeddings",
        client="openai",
        operation="embeddings",
        model="text-embedding-3-small",
        sync=_openai(openai.OpenAI),
        asynchronous=_openai(openai.AsyncOpenAI),
        plain=lambda c: c.embeddings.create(**EMBED),
        raw=lambda c: c.embeddings.with_raw_response.create(**EMBED),
        streaming=lambda c: c.embeddings.with_streaming_response.create(**EMBED),
        tokens=(11, None),
        finish=(),
    ),
    Row(
        name="anthropic-messages",
        client="anthropic",
        model="claude-opus-4-8",
        sync=_anthropic(anthropic.Anthropic),
        asynchronous=_anthropic(anthropic.AsyncAnthropic),
        plain=lambda c: c.messages.create(**MESSAGE),
        stream=lambda c: c.messages.create(**MESSAGE, stream=True),
        helper=lambda c: c.messages.stream(**MESSAGE),
        final=lambda stream: stream.get_final_message(),
        raw=lambda c: c.messages.with_raw_response.create(**MESSAGE),
        streaming=lambda c: c.messages.with_streaming_response.create(**MESSAGE),
        parse=lambda c: c.messages.parse(**MESSAGE, output_format=Word),
        early_tokens=(11, None),
    ),
)
