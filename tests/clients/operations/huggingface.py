"""huggingface_hub's inference clients: chat at a server, the other tasks at a model's own URL."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tests.clients.operations import answers
from tests.clients.operations.answers import Answer
from tests.clients.operations.operation import ASK, Operation


def _at(kind: str, **options: Any) -> Any:
    return lambda url: getattr(import_module("huggingface_hub"), kind)(
        **{name: url + path for name, path in options.items()}, api_key="k"
    )


def _row(name: str, call: Any, answer: Answer, *, at: Any, **rest: Any) -> Operation:
    return Operation(
        sdk="huggingface_hub", client="huggingface_hub", name=name, provider="huggingface", call=call, answer=answer,
        sync=_at("InferenceClient", **at), asynchronous=_at("AsyncInferenceClient", **at), **rest,
    )  # fmt: skip


SERVER, MODEL = {"base_url": "/v1"}, {"model": "/tgi"}

OPERATIONS = (
    _row("chat_completion", lambda c: c.chat_completion(model="m", messages=ASK), answers.CHAT, at=SERVER),
    _row(
        "chat_completion stream", lambda c: c.chat_completion(model="m", messages=ASK, stream=True),
        answers.CHAT_STREAM, at=SERVER, stream=True,
    ),
    _row(
        "text_generation", lambda c: c.text_generation("x", details=True), answers.TGI,
        at=MODEL, model=None, kind="text_completion", tokens=(None, 7),
    ),
    _row(
        "text_generation stream", lambda c: c.text_generation("x", stream=True, details=True), answers.TGI_STREAM,
        at=MODEL, model=None, kind="text_completion", stream=True,
    ),
    _row(
        "feature_extraction", lambda c: c.feature_extraction("x"), answers.FEATURES,
        at=MODEL, model=None, kind="embeddings", tokens=(None, None), finish=(),
    ),
)  # fmt: skip
