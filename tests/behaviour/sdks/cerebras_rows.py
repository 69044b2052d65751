from __future__ import annotations

import inspect
from typing import Any

import cerebras.cloud.sdk as cerebras

from tests.behaviour.row import ASK, KEY, USAGE, Row

OPTIONS = {"stream_options": USAGE["stream_options"]}
CHAT = {"model": "llama-3.3-70b", "messages": ASK}

OWN: Any = {"api_key": KEY, "timeout": 5}
if "warm_tcp_connection" in inspect.signature(cerebras.Cerebras).parameters:  # not in 1.0
    OWN["warm_tcp_connection"] = False

ROWS = (
    Row(
        name="cerebras-cloud-sdk-chat",
        client="cerebras-cloud-sdk",
        provider="cerebras",
        model="llama-3.3-70b",
        sync=lambda url: cerebras.Cerebras(base_url=url, **OWN),
        asynchronous=lambda url: cerebras.AsyncCerebras(base_url=url, **OWN),
        plain=lambda c: c.chat.completions.create(**CHAT),
        stream=lambda c: c.chat.completions.create(**CHAT, stream=True, extra_body=OPTIONS),
        raw=lambda c: c.chat.completions.with_raw_response.create(**CHAT),
        streaming=lambda c: c.chat.completions.with_streaming_response.create(**CHAT),
    ),
)
