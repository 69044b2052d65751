"""cohere, both versions of its API. Its AWS clients: ``tests/clients/test_cohere_aws.py``."""

from __future__ import annotations

from typing import Any

from tests.clients.operations import answers
from tests.clients.operations.answers import Answer
from tests.clients.operations.operation import ASK, Operation, lazily

EMBEDS: Any = {"model": "m", "texts": ["x"], "input_type": "search_query"}
RERANKS: Any = {"model": "m", "query": "q", "documents": ["a"]}


def _row(version: int, name: str, call: Any, answer: Answer, **rest: Any) -> Operation:
    suffix = "V2" if version == 2 else ""
    return Operation(
        sdk="cohere", client="cohere", name=f"{name} (v{version})", provider="cohere", call=call, answer=answer,
        sync=lazily("cohere", f"Client{suffix}", api_key="k"),
        asynchronous=lazily("cohere", f"AsyncClient{suffix}", api_key="k"), **rest,
    )  # fmt: skip


EMBEDDED: Any = {"kind": "embeddings", "tokens": (11, None), "finish": ()}
RANKED: Any = {"kind": "retrieval", "tokens": (None, None), "finish": ()}

OPERATIONS = (
    _row(1, "chat", lambda c: c.chat(model="m", message="x"), answers.COHERE_V1),
    _row(1, "chat stream", lambda c: c.chat_stream(model="m", message="x"), answers.COHERE_V1_STREAM, stream=True),
    _row(1, "embed", lambda c: c.embed(**EMBEDS), answers.COHERE_EMBED_V1, **EMBEDDED),
    _row(1, "rerank", lambda c: c.rerank(**RERANKS), answers.COHERE_RERANK, **RANKED),
    _row(2, "chat", lambda c: c.chat(model="m", messages=ASK), answers.COHERE_V2),
    _row(2, "chat stream", lambda c: c.chat_stream(model="m", messages=ASK), answers.COHERE_V2_STREAM, stream=True),
    _row(2, "embed", lambda c: c.embed(**EMBEDS, embedding_types=["float"]), answers.COHERE_EMBED_V2, **EMBEDDED),
    _row(2, "rerank", lambda c: c.rerank(**RERANKS), answers.COHERE_RERANK, **RANKED),
)
