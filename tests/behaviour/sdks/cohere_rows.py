from __future__ import annotations

from typing import Any

import cohere

from tests.behaviour.row import ASK, KEY, AsyncHeld, Held, Row

CHAT = {"model": "command-a-03-2025", "messages": ASK}


def http(sdk: Any) -> Any:
    """The httpx client beneath."""
    return sdk._client_wrapper.httpx_client.httpx_client


ROWS = (
    Row(
        name="cohere-chat",
        client="cohere",
        model="command-a-03-2025",
        sync=lambda url: Held(cohere.ClientV2(api_key=KEY, base_url=url, timeout=5), lambda sdk: http(sdk).close()),
        asynchronous=lambda url: AsyncHeld(
            cohere.AsyncClientV2(api_key=KEY, base_url=url, timeout=5), lambda sdk: http(sdk).aclose()
        ),
        plain=lambda c: c.sdk.chat(**CHAT),
        stream=lambda c: c.sdk.chat_stream(**CHAT),
        leave=lambda stream: stream.aclose() if hasattr(stream, "aclose") else stream.close(),
        states_model=False,
        error_event="provider",
        lazy=True,
        async_lazy=True,
    ),
)
