"""Recorded exchanges through the formats: what they read, what the bytes state, and where the two agree.

``python -m tests.formats.recordings [SHARED]`` prints the table of agreement that stands in the README.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from otel_llm.formats import huggingface, replicate
from otel_llm.formats.eventstream import EventStream
from otel_llm.formats.facts import Facts, Format, ReadsHeaders, Request, Usage
from otel_llm.formats.framing import Framing, JsonLines, ServerSentEvents
from otel_llm.formats.json_array import JsonArray
from otel_llm.formats.table import recognise
from otel_llm.providers import provider_of

Json = dict[str, Any]

FRAMINGS: dict[str, type[Framing]] = {
    "sse": ServerSentEvents,
    "ndjson": JsonLines,
    "aws_eventstream": EventStream,
    "json_array": JsonArray,
}

BY_CLIENT: dict[str, Format] = {
    "replicate.predictions": replicate.PREDICTIONS,  # polls are GETs of a prediction's id
    "replicate.stream": replicate.PREDICTIONS,  # the URL stands in the prediction
    "huggingface.text_generation": huggingface.GENERATION,  # a model's own host
}
"""Formats that no path tells, but a client seam."""

OUT_OF_SCOPE = {
    "openai.assistants": "assistants: objects kept at the provider, no inference in the exchange",
    "openai.threads": "threads: likewise",
    "openai.threads.messages": "threads: likewise",
    "openai.threads.runs": "runs: inference goes on after the exchange, which is polled",
    "openai.threads.runs.submit": "runs: likewise",
    "openai.images": "images: no format",
    "openai.audio_speech": "audio: no format",
    "openai.audio_transcriptions": "audio: no format",
    "bedrock.apply_guardrail": "guardrail: no model",
    "bedrock.invoke_agent": "Bedrock agents: an agent service, which states no model and no usage of the call",
    "bedrock.retrieve_and_generate": "Bedrock agents: likewise",
    "gemini.cached_contents": "cached content: stores a prompt, no inference",
}
"""APIs of the recordings that are not read, and why."""


class Stated(msgspec.Struct, kw_only=True):
    """Facts of one exchange, by the conventions' meaning."""

    operation: str
    request_model: str | None
    stream: bool
    response_model: str | None
    response_id: str | None
    input: int | None
    output: int | None
    cache_read: int | None
    cache_write: int | None
    reasoning: int | None
    finish: list[str] | None
    error: bool
    error_code: str | None
    error_type: str | None
    error_message: str | None
    chunks: int | None


def exchanges(shared: Path) -> Iterator[tuple[Json, Json]]:
    """Each recorded exchange with its expected facts."""
    folder = shared / "recordings"
    with gzip.open(folder / "exchanges.jsonl.gz", "rt") as left, gzip.open(folder / "expected.jsonl.gz", "rt") as right:
        for line, facts in zip(left, right, strict=True):
            yield json.loads(line), json.loads(facts)


def read(exchange: Json, seed: int) -> Stated | None:
    """What the formats read out of an exchange; ``None`` if no format is found for it."""
    found = recognise(exchange["url"], provider_of(urlsplit(exchange["url"]).hostname or ""))
    wire_format = BY_CLIENT.get(exchange["api"]) or (found.format if found else None)
    if wire_format is None:
        return None
    body = exchange["request_body"]
    request = wire_format.request(body if isinstance(body, dict) else {})
    if found is not None:
        request.model = request.model or found.model
        request.stream = request.stream or bool(found.stream)
    facts = Facts()
    if isinstance(wire_format, ReadsHeaders):
        wire_format.headers(exchange["response_headers"], facts)
    _feed(exchange, wire_format, facts, seed)
    assert facts.undecodable is None, facts.undecodable
    assert facts.complete or not wire_format.terminated
    return _stated(request, facts, exchange["is_stream"])


def _feed(exchange: Json, wire_format: Format, facts: Facts, seed: int) -> None:
    encoded = exchange.get("response_body_b64")
    data = base64.b64decode(encoded) if encoded else exchange["response_body"].encode()
    if not exchange["is_stream"]:
        wire_format.body(data, facts)
        return
    framing = FRAMINGS[exchange["stream_format"]]()
    for piece in pieces(data, seed):
        for payload in framing.feed(piece):
            facts.chunks += wire_format.event(payload, facts)
    for payload in framing.end():
        facts.chunks += wire_format.event(payload, facts)


def pieces(data: bytes, seed: int) -> Iterator[bytes]:
    """``data`` cut at random borders, single bytes included."""
    dice = random.Random(seed)
    at = 0
    while at < len(data):
        size = dice.choice((1, 2, 3, dice.randint(1, 64), dice.randint(64, 4096)))
        yield data[at : at + size]
        at += size


def _stated(request: Request, facts: Facts, streamed: bool) -> Stated:
    usage = facts.usage or Usage()
    return Stated(
        operation=request.operation,
        request_model=request.model,
        stream=request.stream or streamed,
        response_model=facts.response_model,
        response_id=facts.response_id,
        input=usage.input,
        output=usage.output,
        cache_read=usage.cache_read,
        cache_write=usage.cache_write,
        reasoning=usage.reasoning,
        finish=[facts.finish_reasons[choice] for choice in sorted(facts.finish_reasons)] or None,
        error=facts.failed(),
        error_code=facts.error_code,
        error_type=facts.error_type,
        error_message=facts.error_message,
        chunks=facts.chunks if streamed else None,
    )


# ---------------------------------------------------------------- expected facts by the conventions' meaning

OPERATIONS = {"rerank": "retrieval", "prediction": "text_completion"}
RUNNING = (None, "in_progress", "queued", "starting", "processing")


def wanted(expected: Json) -> Stated:
    """The provider's own statement, converted to the conventions' meaning. The only place where that is done."""
    counts = _counts(expected)
    google = expected["api"].startswith("gemini.") and expected["operation"] == "chat"
    operation = "generate_content" if google else expected["operation"]
    pings = (expected["event_types"] or {}).get("ping", 0)
    return Stated(
        operation=OPERATIONS.get(operation, operation),
        request_model=expected["request_model"],
        stream=expected["stream"],
        response_model=expected["response_model"],
        response_id=None if expected["response_id"] is None else str(expected["response_id"]),
        **counts,
        finish=_finish(expected),
        error=expected["error"],
        error_code=None if expected["error_code"] is None else str(expected["error_code"]),
        error_type=expected["error_type"],
        error_message=expected["error_message"],
        chunks=None if expected["n_chunks"] is None else expected["n_chunks"] - pings,
    )


def _counts(expected: Json) -> dict[str, int | None]:
    api, raw = expected["api"], expected.get("usage_raw") or {}
    spent, said, total = (expected[f"{kind}_tokens"] for kind in ("input", "output", "total"))
    read, write = expected["cached_input_tokens"], expected["cache_creation_tokens"]
    reasoning = expected["reasoning_tokens"]
    cached = (read or 0) + (write or 0)
    if api.startswith("cohere.") and isinstance(raw.get("billed_units"), dict):
        # Billed counts win; what was cached is a part of the other ones.
        spent, said, read = raw["billed_units"].get("input_tokens"), raw["billed_units"].get("output_tokens"), None
    elif api.startswith("anthropic.") or api == "bedrock.invoke":
        spent = None if spent is None else spent + cached
    elif api == "bedrock.converse" and total is not None and total > spent + said:
        spent += cached
    elif api.startswith("gemini."):
        if spent is not None:
            spent += raw.get("toolUsePromptTokenCount") or 0
        if not (said is None and reasoning is None):
            said = (said or 0) + (reasoning or 0)
    elif api.startswith("voyage."):
        spent = total
    if spent is None and said is None:
        spent, said = expected["header_input_tokens"], expected["header_output_tokens"]
        read, write = expected["header_cache_read_tokens"], expected["header_cache_write_tokens"]
    elif api == "huggingface.text_generation":
        spent = expected["header_input_tokens"]  # the details state the output alone
    if spent is None and said is None and "stream_metrics" in expected:
        spent = expected["stream_metrics"]["inputTokenCount"]
        said = expected["stream_metrics"]["outputTokenCount"]
    return {"input": spent, "output": said, "cache_read": read, "cache_write": write, "reasoning": reasoning}


def _finish(expected: Json) -> list[str] | None:
    """APIs that state a status have it, once it is final, or why they ended early, in place of a finish reason."""
    if expected["finish_reasons"]:
        return [str(reason) for reason in expected["finish_reasons"]]
    if expected["response_status"] not in RUNNING:
        return [expected.get("incomplete_reason") or expected["response_status"]]
    return None


def differences(read_facts: Stated, wanted_facts: Stated) -> dict[str, tuple[Any, Any]]:
    """Fields that differ: what was read, what is wanted. An error's fields count only where they are stated."""
    found: dict[str, tuple[Any, Any]] = {}
    for field in Stated.__struct_fields__:
        got, want = getattr(read_facts, field), getattr(wanted_facts, field)
        if got != want and not (field.startswith("error_") and want is None):
            found[field] = (got, want)
    return found


class Row(msgspec.Struct):
    """One recorded exchange and how the formats fared on it."""

    id: str
    api: str
    provider: str
    operation: str
    status: Literal["agrees", "differs", "no format", "out of scope"]
    differences: dict[str, tuple[Any, Any]] = {}


def rows(shared: Path) -> list[Row]:
    """All recorded exchanges, read with chunk borders seeded by their number."""
    return [_row(exchange, expected, number) for number, (exchange, expected) in enumerate(exchanges(shared))]


def _row(exchange: Json, expected: Json, seed: int) -> Row:
    row = Row(exchange["id"], exchange["api"], exchange["provider"], exchange["operation"], "out of scope")
    if row.api in OUT_OF_SCOPE:
        return row
    got = read(exchange, seed)
    row.differences = differences(got, wanted(expected)) if got else {}
    row.status = "no format" if got is None else "differs" if row.differences else "agrees"
    return row


def as_table(found: list[Row]) -> str:
    """Agreement per provider and operation, as a Markdown table."""
    counts = Counter((row.provider, row.operation, row.status) for row in found)
    lines = ["| provider | operation | agree | differ | not read |", "|---|---|---:|---:|---:|"]
    for provider, operation in sorted({key[:2] for key in counts}):
        agree, differ, out = (counts[provider, operation, status] for status in ("agrees", "differs", "out of scope"))
        lines.append(f"| {provider} | {operation} | {agree} | {differ} | {out} |")
    totals = Counter(row.status for row in found)
    lines.append(f"| **all** | | {totals['agrees']} | {totals['differs']} | {totals['out of scope']} |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(as_table(rows(Path(sys.argv[1] if len(sys.argv) > 1 else os.environ["OTEL_LLM_SHARED"]))))
