"""OpenAI embeddings."""

from __future__ import annotations

import base64
import struct
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from otel_llm.demo.emulator import openai_api
from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply, Usage
from otel_llm.demo.emulator.wire import Event, Failure

_DIMENSIONS: Final = 8


class OpenAIEmbeddings:
    provider = "openai"
    operation = "embeddings"
    stream_type = ""

    def body(self, reply: Reply, asked: Received) -> Mapping[str, Any]:
        wanted = asked.body.get("input")
        count = len(cast("list[object]", wanted)) if isinstance(wanted, list) else 1
        size = asked.body.get("dimensions")
        vector = [0.5 / (at + 1) for at in range(size if isinstance(size, int) else _DIMENSIONS)]
        # The SDK asks for base64 unless told otherwise: little-endian 32-bit floats.
        packed = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
        shown = packed if asked.body.get("encoding_format") == "base64" else vector
        answer: dict[str, Any] = {
            "object": "list",
            "data": [{"object": "embedding", "index": at, "embedding": shown} for at in range(count)],
            "model": reply.model or asked.model,
        }
        if (stated := self.stated(reply, asked, broken=False)) is not None:
            answer["usage"] = {"prompt_tokens": stated.input, "total_tokens": stated.input}
        return answer

    def events(self, reply: Reply, asked: Received) -> Iterator[Event]:
        raise NotImplementedError("embeddings do not stream")

    def failure(self, reply: Reply, asked: Received) -> Failure:
        return openai_api.failure(reply)

    def failure_event(self, reply: Reply, asked: Received) -> bytes:
        raise NotImplementedError("embeddings do not stream")

    def headers(self, reply: Reply, asked: Received) -> Mapping[str, str]:
        return openai_api.headers(reply, asked)

    def stated(self, reply: Reply, asked: Received, *, broken: bool) -> Usage | None:
        """Embeddings have input alone."""
        return None if broken or reply.usage is None else Usage(input=reply.usage.input)

    def finishes(self, reply: Reply, asked: Received) -> list[str]:
        return []


EMBEDDINGS = OpenAIEmbeddings()
