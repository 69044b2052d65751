from __future__ import annotations

import importlib
from typing import Any

from tests.behaviour.row import ASK, KEY, AsyncHeld, Held, Row

try:
    sdk: Any = importlib.import_module("mistralai.client")
    utils: Any = importlib.import_module("mistralai.client.utils")
except ModuleNotFoundError:  # 1.x
    sdk, utils = importlib.import_module("mistralai"), importlib.import_module("mistralai.utils")

CHAT = {"model": "mistral-small-latest", "messages": ASK}


RETRY = utils.RetryConfig("backoff", utils.BackoffStrategy(10, 20, 1.0, 2000), False)
"""Milliseconds: first and longest wait, and for how long."""


def client(url: str) -> Any:
    return sdk.Mistral(api_key=KEY, server_url=url + "/mistral", timeout_ms=5000, retry_config=RETRY)


ROWS = (
    Row(
        name="mistralai-chat",
        client="mistralai",
        provider="mistral_ai",
        model="mistral-small-latest",
        sync=lambda url: Held(client(url), lambda sdk: sdk.sdk_configuration.client.close()),
        asynchronous=lambda url: AsyncHeld(client(url), lambda sdk: sdk.sdk_configuration.async_client.aclose()),
        plain=lambda c: (c.sdk.chat.complete_async if isinstance(c, AsyncHeld) else c.sdk.chat.complete)(**CHAT),
        stream=lambda c: (c.sdk.chat.stream_async if isinstance(c, AsyncHeld) else c.sdk.chat.stream)(**CHAT),
        leave=lambda stream: stream.response.aclose() if hasattr(stream, "__aiter__") else stream.response.close(),
        gives_up=False,  # it retries for a time, not a number of times
    ),
)
