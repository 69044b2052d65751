"""SDKs that Stainless generated and that speak OpenAI's formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from tests.clients.operations import answers
from tests.clients.operations.answers import Answer
from tests.clients.operations.operation import ASK, Operation, lazily


class _Call(NamedTuple):
    call: Callable[[Any], Any]
    answer: Answer
    rest: dict[str, Any]


CALLS = {
    "chat": _Call(lambda c: c.chat.completions.create(model="m", messages=ASK), answers.CHAT, {}),
    "chat stream": _Call(
        lambda c: c.chat.completions.create(model="m", messages=ASK, stream=True),
        answers.CHAT_STREAM, {"stream": True},
    ),
    "responses": _Call(
        lambda c: c.responses.create(model="m", input="x"), answers.RESPONSE, {"needs": "responses"}
    ),
    "completions": _Call(
        lambda c: c.completions.create(model="m", prompt="x"),
        answers.TEXT, {"kind": "text_completion", "needs": "completions"},
    ),
    "completions stream": _Call(
        lambda c: c.completions.create(model="m", prompt="x", stream=True),
        answers.TEXT_STREAM, {"kind": "text_completion", "stream": True, "needs": "completions"},
    ),
    "embeddings": _Call(
        lambda c: c.embeddings.create(model="m", input="x"),
        answers.EMBEDDINGS, {"kind": "embeddings", "tokens": (11, None), "finish": ()},
    ),
    "rerank": _Call(
        lambda c: c.rerank.create(model="m", query="q", documents=["a"]),
        answers.RERANK, {"kind": "retrieval", "tokens": (None, None), "finish": ()},
    ),
}  # fmt: skip
CHATS = ("chat", "chat stream")
TEXTS = ("completions", "completions stream")
COLD = {"warm_tcp_connection": False}


class _Sdk(NamedTuple):
    module: str
    client: str
    provider: str
    classes: tuple[str, str]
    calls: tuple[str, ...]
    options: Mapping[str, Any] = MappingProxyType({})


SDKS = (
    _Sdk("openai", "openai", "openai", ("OpenAI", "AsyncOpenAI"), (*CHATS, "responses", *TEXTS, "embeddings")),
    _Sdk("groq", "groq", "groq", ("Groq", "AsyncGroq"), (*CHATS, "embeddings")),
    _Sdk("together", "together", "together", ("Together", "AsyncTogether"), (*CHATS, *TEXTS, "embeddings", "rerank")),
    _Sdk("cerebras.cloud.sdk", "cerebras-cloud-sdk", "cerebras", ("Cerebras", "AsyncCerebras"), (*CHATS, *TEXTS), COLD),
    _Sdk("fireworks", "fireworks-ai", "fireworks", ("Fireworks", "AsyncFireworks"), (*CHATS, *TEXTS)),
)


def _writer(name: str, call: Callable[[Any], Any], answer: Answer, **rest: Any) -> Operation:
    return Operation(
        sdk="writerai", client="writer-sdk", name=name, provider="writer", call=call, answer=answer, **rest,
        sync=lazily("writerai", "Writer", api_key="k"), asynchronous=lazily("writerai", "AsyncWriter", api_key="k"),
    )  # fmt: skip


OPERATIONS = (
    *(
        Operation(
            sdk=sdk.module, client=sdk.client, name=name, provider=sdk.provider, call=CALLS[name].call,
            answer=CALLS[name].answer, sync=lazily(sdk.module, sdk.classes[0], api_key="k", **sdk.options),
            asynchronous=lazily(sdk.module, sdk.classes[1], api_key="k", **sdk.options), **CALLS[name].rest,
        )
        for sdk in SDKS
        for name in sdk.calls
    ),
    _writer("chat", lambda c: c.chat.chat(model="m", messages=ASK), answers.CHAT),
    _writer(
        "chat stream", lambda c: c.chat.chat(model="m", messages=ASK, stream=True), answers.WRITER_STREAM, stream=True
    ),
    _writer(
        "completions", lambda c: c.completions.create(model="m", prompt="x"),
        answers.whole({"choices": [{"text": "hi"}], "model": "m"}),
        kind="text_completion", tokens=(None, None), finish=(),
    ),
)  # fmt: skip
