from __future__ import annotations

from typing import Any

from google import genai
from google.oauth2.credentials import Credentials

from tests.behaviour.row import KEY, PROMPT, AsyncHeld, Held, Row

MODEL = "gemini-2.5-flash"
ASK: Any = {"model": MODEL, "contents": PROMPT}
RETRY = {"attempts": 3, "initial_delay": 0.01, "max_delay": 0.02}


def options(url: str) -> Any:
    return {"base_url": url, "timeout": 5000, "retry_options": RETRY}


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
        asynchronous=lambda url: AsyncHeld(make(url), lambda sdk: sdk.aio.aclose()),
        plain=lambda c: models(c).generate_content(**ASK),
        stream=lambda c: models(c).generate_content_stream(**ASK),
        leave=lambda stream: stream.aclose() if hasattr(stream, "aclose") else stream.close(),
        request_ids=False,
        early_tokens=(11, None),
    )


def models(held: Held) -> Any:
    return held.sdk.aio.models if isinstance(held, AsyncHeld) else held.sdk.models


ROWS = (row("google-genai", "gcp.gemini", gemini), row("google-genai-vertex", "gcp.vertex_ai", vertex))
