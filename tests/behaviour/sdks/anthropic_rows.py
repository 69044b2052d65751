from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic

from tests.behaviour.row import MESSAGE, Row, Word


def _anthropic(kind: type[Any]) -> Callable[[str], Any]:
    return lambda url: kind(base_url=url, api_key="sk-demo", timeout=5)


ROWS = (
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
        parse=(lambda c: c.messages.parse(**MESSAGE, output_format=Word))
        if hasattr(anthropic.resources.Messages, "parse")
        else None,
        early_tokens=(11, None),
    ),
)
