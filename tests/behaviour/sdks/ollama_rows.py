from __future__ import annotations

import ollama

from tests.behaviour.row import ASK, AsyncHeld, Held, Row

CHAT = {"model": "llama3.2", "messages": ASK}

ROWS = (
    Row(
        name="ollama-chat",
        client="ollama",
        model="llama3.2",
        sync=lambda url: Held(ollama.Client(host=url, timeout=5), lambda sdk: sdk._client.close()),
        asynchronous=lambda url: AsyncHeld(ollama.AsyncClient(host=url, timeout=5), lambda sdk: sdk._client.aclose()),
        plain=lambda c: c.sdk.chat(**CHAT),
        stream=lambda c: c.sdk.chat(**CHAT, stream=True),
        leave=lambda stream: stream.aclose() if hasattr(stream, "aclose") else stream.close(),
        retries=False,
        request_ids=False,
        error_event="provider",
        lazy=True,
        async_lazy=True,
    ),
)
