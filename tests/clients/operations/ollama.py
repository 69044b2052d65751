"""ollama."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from tests.clients.operations import answers
from tests.clients.operations.answers import Answer
from tests.clients.operations.operation import ASK, Operation

SAID: Any = {"role": "assistant", "content": "hi"}


def _row(name: str, call: Any, answer: Answer, **rest: Any) -> Operation:
    return Operation(
        sdk="ollama", client="ollama", name=name, provider="ollama", call=call, answer=answer,
        sync=lambda url: import_module("ollama").Client(host=url),
        asynchronous=lambda url: import_module("ollama").AsyncClient(host=url), **rest,
    )  # fmt: skip


OPERATIONS = (
    _row("chat", lambda c: c.chat(model="m", messages=ASK), answers.whole(answers.ollama(message=SAID))),
    _row(
        "chat stream", lambda c: c.chat(model="m", messages=ASK, stream=True), answers.ollama_stream(message=SAID),
        stream=True,
    ),
    _row(
        "generate", lambda c: c.generate(model="m", prompt="x"), answers.whole(answers.ollama(response="hi")),
        kind="text_completion",
    ),
    _row(
        "generate stream", lambda c: c.generate(model="m", prompt="x", stream=True),
        answers.ollama_stream(response="hi"), kind="text_completion", stream=True,
    ),
    _row(
        "embed", lambda c: c.embed(model="m", input="x"), answers.OLLAMA_EMBED,
        kind="embeddings", tokens=(11, None), finish=(),
    ),
    _row(
        "embeddings", lambda c: c.embeddings(model="m", prompt="x"), answers.whole({"embedding": [0.1]}),
        kind="embeddings", tokens=(None, None), finish=(),
    ),
)  # fmt: skip
