"""The clients of the behaviour matrix: one row each.

To add a client, add a :class:`~tests.behaviour.row.Row` in a module of ``sdks`` and name the module here: how its sync
and its async client are made for a base URL, and how each thing that it can do is done. The functions are written once
for both clients (they return what the SDK returns, an awaitable in the async case). What a client cannot do stays
``None`` and its cells are not run. The emulator must speak the client's API (``otel_llm.demo.emulator.routes``).
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Iterator
from dataclasses import replace

from tests.behaviour.row import ASK, CHAT, EMBED, MESSAGE, RESPONSE, USAGE, Row, Word

SDKS = {
    "openai": "openai_rows",
    "anthropic": "anthropic_rows",
    "groq": "groq_rows",
    "together": "together_rows",
    "cerebras.cloud.sdk": "cerebras_rows",
    "fireworks": "fireworks_rows",
    "writerai": "writer_rows",
    "mistralai": "mistral_rows",
    "google.genai": "google_genai_rows",
    "boto3": "boto3_rows",
    "aiobotocore": "aiobotocore_rows",
    "cohere": "cohere_rows",
    "ollama": "ollama_rows",
    "huggingface_hub": "huggingface_rows",
    "requests": "requests_rows",
    "httpx": "httpx_rows",
    "httpx2": "httpx2_rows",
    "aiohttp": "aiohttp_rows",
}
"""Import name of each SDK, and the module of its rows. The version matrix (``tests.matrix``) installs some,
and sets ``BEHAVIOUR_SDKS`` to them: other SDKs may be there because they need them."""


def installed(sdk: str) -> bool:
    try:
        return importlib.util.find_spec(sdk) is not None
    except ModuleNotFoundError:  # of the parent package
        return False


def wanted(sdk: str) -> bool:
    """Whether an SDK is one that this run is about."""
    named = os.environ.get("BEHAVIOUR_SDKS")
    return named is None or any(f"{sdk}.".startswith(f"{one}.") for one in named.split())


def _rows() -> Iterator[Row]:
    for sdk, module in SDKS.items():
        if installed(sdk) and wanted(sdk):
            for row in importlib.import_module(f"tests.behaviour.sdks.{module}").ROWS:
                yield replace(row, sdk=sdk)


ROWS = tuple(_rows())

__all__ = ["ASK", "CHAT", "EMBED", "MESSAGE", "RESPONSE", "ROWS", "SDKS", "USAGE", "Row", "Word"]
