"""What providers answer: small whole answers and streams, each with 11 tokens in and 7 out where it states usage."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    content: bytes
    type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


def whole(body: Any, **headers: str) -> Answer:
    """One JSON document."""
    return Answer(json.dumps(body).encode(), headers=headers)


def events(*payloads: Json, last: str = "", named: str = "") -> Answer:
    """Server-sent events; ``named`` is the field that names them."""
    text = "".join(
        (f"event: {payload[named]}\n" if named else "") + f"data: {json.dumps(payload)}\n\n" for payload in payloads
    )
    return Answer((text + (f"data: {last}\n\n" if last else "")).encode(), "text/event-stream")


def lines(*payloads: Json, kind: str = "application/x-ndjson") -> Answer:
    """A JSON document per line."""
    return Answer("".join(json.dumps(payload) + "\n" for payload in payloads).encode(), kind)


def frames(*payloads: tuple[str, Json]) -> Answer:
    """AWS's event stream, of event types and documents."""
    return Answer(b"".join(_frame(kind, body) for kind, body in payloads), "application/vnd.amazon.eventstream")


def _frame(kind: str, body: Json) -> bytes:
    named = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    headers = b"".join(
        struct.pack("!B", len(name)) + name.encode() + struct.pack("!BH", 7, len(value)) + value.encode()
        for name, value in named.items()
    )
    data = json.dumps(body).encode()
    head = struct.pack("!II", 16 + len(headers) + len(data), len(headers))
    rest = struct.pack("!I", zlib.crc32(head)) + headers + data
    return head + rest + struct.pack("!I", zlib.crc32(head + rest))


def chunks(*payloads: Json) -> Answer:
    """A model's own stream on Bedrock: each document in base64 in an event."""
    return frames(*(("chunk", {"bytes": base64.b64encode(json.dumps(p).encode()).decode()}) for p in payloads))


# ------------------------------------------------------------------------------------------------------ OpenAI's
USAGE: Json = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
_OBJECT: Json = {"id": "c1", "created": 1, "model": "m"}
_CHUNK: Json = {**_OBJECT, "object": "chat.completion.chunk"}
_PIECE: Json = {**_OBJECT, "object": "text_completion"}

CHAT_BODY: Json = {
    **_OBJECT, "object": "chat.completion", "usage": USAGE,
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
}  # fmt: skip
CHAT_EVENTS: tuple[Json, ...] = (
    {**_CHUNK, "choices": [{"index": 0, "delta": {"role": "assistant", "content": "hi"}, "finish_reason": None}]},
    {**_CHUNK, "choices": [{"index": 0, "delta": {"content": ""}, "finish_reason": "stop"}], "usage": USAGE},
)
CHAT = whole(CHAT_BODY)
CHAT_STREAM = events(*CHAT_EVENTS, last="[DONE]")
WRITER_STREAM = events(*CHAT_EVENTS)
"""writer-sdk 1.0 reads each event as JSON, the end mark included."""
TEXT = whole(
    {
        **_OBJECT, "object": "text_completion", "usage": USAGE, "prompt": [],
        "choices": [{"index": 0, "text": "hi", "finish_reason": "stop", "logprobs": None}],
    }
)  # fmt: skip
TEXT_STREAM = events(
    {**_PIECE, "choices": [{"index": 0, "text": "hi", "finish_reason": None, "logprobs": None}]},
    {**_PIECE, "choices": [{"index": 0, "text": "", "finish_reason": "stop", "logprobs": None}], "usage": USAGE},
    last="[DONE]",
)
EMBEDDINGS = whole(
    {
        "id": "e", "object": "list", "model": "m", "usage": {"prompt_tokens": 11, "total_tokens": 11},
        "data": [{"object": "embedding", "index": 0, "embedding": [0.1, 0.2]}],
    }
)  # fmt: skip
RERANK = whole({"id": "r", "object": "rerank", "model": "m", "results": [{"index": 0, "relevance_score": 0.9}]})
RESPONSE = whole(
    {
        "id": "r1", "object": "response", "created_at": 1, "model": "m", "status": "completed", "tools": [],
        "tool_choice": "auto", "parallel_tool_calls": True,
        "usage": {"input_tokens": 11, "output_tokens": 7, "total_tokens": 18,
                  "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}},
        "output": [{"id": "o", "type": "message", "role": "assistant", "status": "completed",
                    "content": [{"type": "output_text", "text": "hi", "annotations": []}]}],
    }
)  # fmt: skip

# -------------------------------------------------------------------------------------------------- Anthropic's
MESSAGE_BODY: Json = {
    "id": "m1", "type": "message", "role": "assistant", "model": "m", "content": [{"type": "text", "text": "hi"}],
    "stop_reason": "end_turn", "stop_sequence": None, "usage": {"input_tokens": 11, "output_tokens": 7},
}  # fmt: skip
MESSAGE_EVENTS: tuple[Json, ...] = (
    {"type": "message_start", "message": {**MESSAGE_BODY, "content": [], "stop_reason": None,
                                          "usage": {"input_tokens": 11, "output_tokens": 1}}},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
    {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}},
    {"type": "content_block_stop", "index": 0},
    {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None},
     "usage": {"output_tokens": 7}},
    {"type": "message_stop"},
)  # fmt: skip
MESSAGE = whole(MESSAGE_BODY)
MESSAGE_STREAM = events(*MESSAGE_EVENTS, named="type")

# ------------------------------------------------------------------------------------------------------ Google's
_GENERATED: Json = {
    "candidates": [{"content": {"parts": [{"text": "hi"}], "role": "model"}, "finishReason": "STOP"}],
    "usageMetadata": {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18},
    "modelVersion": "m", "responseId": "r",
}  # fmt: skip
GENERATED = whole(_GENERATED)
GENERATED_STREAM = events(_GENERATED)
EMBEDDED = whole({"embeddings": [{"values": [0.1]}], "usageMetadata": {"promptTokenCount": 11}})
PREDICTED = whole(
    {"predictions": [{"embeddings": {"values": [0.1], "statistics": {"token_count": 11, "truncated": False}}}]}
)
_INTERACTION: Json = {
    "id": "i1", "object": "interaction", "model": "m", "status": "completed", "role": "model",
    "created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z", "outputs": [{"type": "text", "text": "hi"}],
    "usage": {"total_input_tokens": 11, "total_output_tokens": 7, "total_tokens": 18},
}  # fmt: skip
INTERACTION = whole(_INTERACTION)
INTERACTION_STREAM = events(
    {"event_type": "interaction.start", "interaction": {**_INTERACTION, "status": "in_progress"}},
    {"event_type": "content.delta", "index": 0, "delta": {"type": "text", "text": "hi"}},
    {"event_type": "interaction.complete", "interaction": _INTERACTION},
    named="event_type",
)

# ------------------------------------------------------------------------------------------------------ Cohere's
COUNTS: Json = {
    "billed_units": {"input_tokens": 11, "output_tokens": 7}, "tokens": {"input_tokens": 11, "output_tokens": 7}
}  # fmt: skip
COHERE_V1_BODY: Json = {
    "response_id": "r", "generation_id": "g", "text": "hi", "finish_reason": "COMPLETE", "chat_history": [],
    "meta": COUNTS,
}  # fmt: skip
COHERE_V1_EVENTS: tuple[Json, ...] = (
    {"event_type": "stream-start", "generation_id": "g", "is_finished": False},
    {"event_type": "text-generation", "text": "hi", "is_finished": False},
    {"event_type": "stream-end", "finish_reason": "COMPLETE", "response": COHERE_V1_BODY, "is_finished": True},
)
COHERE_V1 = whole(COHERE_V1_BODY)
COHERE_V1_STREAM = lines(*COHERE_V1_EVENTS, kind="application/stream+json")
COHERE_V2 = whole(
    {
        "id": "g", "finish_reason": "COMPLETE", "usage": COUNTS,
        "message": {"role": "assistant", "content": [{"type": "text", "text": "hi"}]},
    }
)  # fmt: skip
COHERE_V2_STREAM = events(
    {"type": "message-start", "id": "g", "delta": {"message": {"role": "assistant", "content": []}}},
    {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
    {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"text": "hi"}}}},
    {"type": "content-end", "index": 0},
    {"type": "message-end", "delta": {"finish_reason": "COMPLETE", "usage": COUNTS}},
    named="type",
)
_UNITS: Json = {"billed_units": {"input_tokens": 11}}
COHERE_EMBED_V1 = whole(
    {"id": "e", "response_type": "embeddings_floats", "embeddings": [[0.1]], "texts": ["x"], "meta": _UNITS}
)
COHERE_EMBED_V2 = whole(
    {"id": "e", "response_type": "embeddings_by_type", "embeddings": {"float": [[0.1]]}, "texts": ["x"], "meta": _UNITS}
)
COHERE_RERANK = whole(
    {"id": "r", "results": [{"index": 0, "relevance_score": 0.9}], "meta": {"billed_units": {"search_units": 1}}}
)

# ------------------------------------------------------------------------------------------------------ Ollama's
_OLLAMA: Json = {"model": "m", "created_at": "2026-01-01T00:00:00Z"}
_COUNTED: Json = {"done": True, "done_reason": "stop", "prompt_eval_count": 11, "eval_count": 7}


def ollama(**said: Any) -> Json:
    return {**_OLLAMA, **said, **_COUNTED}


def ollama_stream(**said: Any) -> Answer:
    return lines({**_OLLAMA, **said, "done": False}, ollama(**said))


OLLAMA_EMBED = whole({"model": "m", "embeddings": [[0.1]], "prompt_eval_count": 11})

# ------------------------------------------------------------------------------------------------ Hugging Face's
TOKENS: Json = {"finish_reason": "eos_token", "generated_tokens": 7}
TGI = whole([{"generated_text": "hi", "details": {**TOKENS, "prefill": [], "tokens": []}}])
TGI_STREAM = events(
    {"index": 1, "token": {"id": 1, "text": "hi", "logprob": -1.0, "special": False}, "generated_text": None},
    {"index": 2, "token": {"id": 2, "text": "", "logprob": -1.0, "special": True}, "generated_text": "hi",
     "details": {**TOKENS, "input_length": 11}},
)  # fmt: skip
FEATURES = whole([[0.1, 0.2]], **{"x-compute-type": "cpu"})

# ------------------------------------------------------------------------------------------------------ Bedrock's
CONVERSED = whole(
    {
        "output": {"message": {"role": "assistant", "content": [{"text": "hi"}]}}, "stopReason": "end_turn",
        "usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}, "metrics": {"latencyMs": 1},
    }
)  # fmt: skip
CONVERSED_STREAM = frames(
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "hi"}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    (
        "metadata",
        {"usage": {"inputTokens": 11, "outputTokens": 7, "totalTokens": 18}, "metrics": {"latencyMs": 1}},
    ),
)
INVOKED_STREAM = chunks(*MESSAGE_EVENTS)
