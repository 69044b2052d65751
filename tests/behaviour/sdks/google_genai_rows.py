from __future__ import annotations

from typing import Any

from google import genai
from google.oauth2.credentials import Credentials

from tests.behaviour.row import KEY, PROMPT, AsyncHeld, Held, Row

MODEL = "gemini-2.5-flash"
ASK: Any = {"model": MODEL, "contents": PROMPT}
RETRIES = hasattr(genai.types, "HttpRetryOptions")
"""Not in 1.0."""
RETRY: Any = {"retry_options": {"attempts": 3, "initial_delay": 0.01, "max_delay": 0.02}} if RETRIES else {}


def options(url: str) -> Any:
    return {"base_url": url, "timeout": 5000, **RETRY}


def closed(sdk: Any) -> Any:
    """1.0 has nothing to close: it makes a session for each call, and leaves it to the collector."""
    return sdk.aio.aclose() if hasattr(sdk.aio, "aclose") else None


def gemini(url: str) -> Any:
    return genai.Client(api_key=KEY, http_options=options(url))


def vertex(url: str) -> Any:
    return genai.Client(
        vertexai=True, project="p", location="l", credentials=Credentials(KEY), http_options=options(url)
    )


def row(name: str, provider: str, make: Any) -> Row:
    return Row(
        name=name,
        client="google-genai",
        provider=provider,
        operation="generate_content",
        model=MODEL,
        sync=lambda url: Held(make(url)),
        asynchronous=lambda url: AsyncHeld(make(url), closed),
        plain=lambda c: models(c).generate_content(**ASK),
        stream=lambda c: models(c).generate_content_stream(**ASK),
        leave=lambda stream: stream.aclose() if hasattr(stream, "aclose") else stream.close(),
        retries=RETRIES,
        request_ids=False,
        lazy=True,
        closes_on_drop=RETRIES,
        blocks=not RETRIES,
        early_tokens=(11, None),
    )


def models(held: Held) -> Any:
    return held.sdk.aio.models if isinstance(held, AsyncHeld) else held.sdk.models


ROWS = (row("google-genai", "gcp.gemini", gemini), row("google-genai-vertex", "gcp.vertex_ai", vertex))
