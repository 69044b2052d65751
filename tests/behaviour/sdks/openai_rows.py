from __future__ import annotations

from collections.abc import Callable
from typing import Any

import openai

from tests.behaviour.row import CHAT, COMPLETION, EMBED, KEY, RESPONSE, USAGE, Row, Word

COMPLETIONS: Any = openai.resources.chat.Completions
"""It has ``stream`` and ``parse`` since 1.92."""


def _openai(kind: type[Any]) -> Callable[[str], Any]:
    return lambda url: kind(base_url=url + "/v1", api_key=KEY, timeout=5)


RESPONSES = (
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
)
"""Since 1.66."""

ROWS = (
    *(RESPONSES if hasattr(openai.resources, "Responses") else ()),
    Row(
        name="openai-chat",
        client="openai",
        model="gpt-4o",
        sync=_openai(openai.OpenAI),
        asynchronous=_openai(openai.AsyncOpenAI),
        plain=lambda c: c.chat.completions.create(**CHAT),
        stream=lambda c: c.chat.completions.create(**CHAT, **USAGE),
        helper=(lambda c: c.chat.completions.stream(**CHAT, stream_options={"include_usage": True}))
        if hasattr(COMPLETIONS, "stream")
        else None,
        final=lambda stream: stream.get_final_completion(),
        raw=lambda c: c.chat.completions.with_raw_response.create(**CHAT),
        streaming=lambda c: c.chat.completions.with_streaming_response.create(**CHAT),
        parse=(lambda c: c.chat.completions.parse(**CHAT, response_format=Word))
        if hasattr(COMPLETIONS, "parse")
        else None,
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
)
