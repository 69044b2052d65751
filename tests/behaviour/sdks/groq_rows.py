from __future__ import annotations

import groq

from tests.behaviour.row import ASK, KEY, USAGE, Row

OPTIONS = {"stream_options": USAGE["stream_options"]}
CHAT = {"model": "llama-3.3-70b", "messages": ASK}

ROWS = (
    Row(
        name="groq-chat",
        client="groq",
        provider="groq",
        model="llama-3.3-70b",
        sync=lambda url: groq.Groq(base_url=url, api_key=KEY, timeout=5),
        asynchronous=lambda url: groq.AsyncGroq(base_url=url, api_key=KEY, timeout=5),
        plain=lambda c: c.chat.completions.create(**CHAT),
        stream=lambda c: c.chat.completions.create(**CHAT, stream=True, extra_body=OPTIONS),
        raw=lambda c: c.chat.completions.with_raw_response.create(**CHAT),
        streaming=lambda c: c.chat.completions.with_streaming_response.create(**CHAT),
    ),
)
