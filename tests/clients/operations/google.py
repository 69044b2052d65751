"""google-genai, on the Gemini API and on Vertex AI."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tests.clients.operations import answers
from tests.clients.operations.answers import Answer
from tests.clients.operations.operation import Operation

MODEL, EMBEDDER = "gemini-2.5-flash", "gemini-embedding-001"
ASKED: Any = {"model": MODEL, "contents": "x"}


class _Face:
    """A client's sync or async half, and the client with it: it closes its transport when it is collected."""

    def __init__(self, client: Any, *, sync: bool) -> None:
        self._client = client
        self._half = client if sync else client.aio

    def __getattr__(self, name: str) -> Any:
        return getattr(self._half, name)


def gemini(url: str) -> Any:
    return import_module("google.genai").Client(api_key="k", http_options={"base_url": url})


def vertex(url: str) -> Any:
    credentials = import_module("google.oauth2.credentials").Credentials("token")
    return import_module("google.genai").Client(
        vertexai=True, project="p", location="l", credentials=credentials, http_options={"base_url": url}
    )


def _row(name: str, make: Any, call: Callable[[Any], Any], answer: Answer, **rest: Any) -> Operation:
    mode, provider = (" (Vertex AI)", "gcp.vertex_ai") if make is vertex else ("", "gcp.gemini")
    return Operation(
        sdk="google.genai", client="google-genai", name=name + mode, provider=provider, call=call, answer=answer,
        sync=lambda url: _Face(make(url), sync=True), asynchronous=lambda url: _Face(make(url), sync=False),
        **{"kind": "generate_content", "model": MODEL, **rest},
    )  # fmt: skip


EMBEDS: Any = {"kind": "embeddings", "model": EMBEDDER, "tokens": (11, None), "finish": ()}
INTERACTS: Any = {"needs": "interactions"}

OPERATIONS = tuple(
    row
    for make in (gemini, vertex)
    for row in (
        _row("generate_content", make, lambda c: c.models.generate_content(**ASKED), answers.GENERATED),
        _row(
            "generate_content stream", make, lambda c: c.models.generate_content_stream(**ASKED),
            answers.GENERATED_STREAM, stream=True,
        ),
        _row(
            "embed_content", make, lambda c: c.models.embed_content(model=EMBEDDER, contents="x"),
            answers.PREDICTED if make is vertex else answers.EMBEDDED, **EMBEDS,
        ),
        _row(
            "interactions", make, lambda c: c.interactions.create(model=MODEL, input="x"), answers.INTERACTION,
            **INTERACTS,
        ),
        _row(
            "interactions stream", make, lambda c: c.interactions.create(model=MODEL, input="x", stream=True),
            answers.INTERACTION_STREAM, stream=True, **INTERACTS,
        ),
    )
)  # fmt: skip
