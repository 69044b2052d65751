from __future__ import annotations

from importlib.metadata import version
from typing import Any

from huggingface_hub import AsyncInferenceClient, InferenceClient

from tests.behaviour.row import ASK, KEY, USAGE, AsyncHeld, Held, Row

MODEL = "meta-llama/Llama-3.1-8B-Instruct"
CHAT: Any = {"model": MODEL, "messages": ASK}

ROWS = (
    Row(
        name="huggingface-chat",
        client="huggingface_hub",
        provider="huggingface",
        model=MODEL,
        sync=lambda url: Held(InferenceClient(base_url=url + "/v1", api_key=KEY, timeout=5)),
        asynchronous=lambda url: AsyncHeld(
            AsyncInferenceClient(base_url=url + "/v1", api_key=KEY, timeout=5), lambda sdk: sdk.close()
        ),
        plain=lambda c: c.sdk.chat_completion(**CHAT),
        stream=lambda c: c.sdk.chat_completion(**CHAT, **USAGE),
        leave=lambda stream: stream.aclose() if hasattr(stream, "aclose") else stream.close(),
        retries=False,
        async_lines=version("huggingface_hub").startswith("0."),
    ),
)
