"""No format raises, whatever comes over the wire, and what it reads keeps its types."""

from __future__ import annotations

import base64
import json
import types
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Union, get_args, get_origin

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otel_llm import formats
from otel_llm.formats.facts import Facts, Format, ReadsHeaders
from otel_llm.formats.finish import normalise
from otel_llm.formats.reading import Shape
from otel_llm.formats.table import ROUTES, TASKS, VERBS

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy: time says nothing here."""

FORMATS: dict[str, Format] = {
    route.format.name: route.format
    for table in (ROUTES, VERBS)
    for routes in table.values()
    for route in routes
} | {one.name: one for one in TASKS.values()}  # fmt: skip

WORDS = [
    "ping", "error", "message", "message_start", "message_delta", "message_stop", "content_block_start",
    "content_block_delta", "completion", "message-start", "message-end", "stream-end", "text-generation",
    "interaction.completed", "step.delta", "response.completed", "response.failed", "completed", "in_progress",
    "tool_use", "text", "model_output", "thought", "function_call", "stop", "length", "SAFETY", "NOT_FINISHED",
    "12", "",
]  # fmt: skip
JUNK = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=3)
    | st.just([]) | st.just({}) | st.just([None]) | st.just([[]]) | st.just({"a": [1]})
)  # fmt: skip
COUNTS = st.integers(-5, 10**7) | st.sampled_from(["7", 7.0, 7.5, "x", 2**63, 10**30])


def shaped(kind: Any) -> st.SearchStrategy[Any]:
    """JSON values of an annotated type, with misfits among them."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return st.one_of(JUNK, *(shaped(part) for part in get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        fields = {field.encode_name: shaped(field.type) for field in msgspec.structs.fields(kind)}
        return st.fixed_dictionaries({}, optional=fields)
    if origin is list:
        return st.lists(shaped(get_args(kind)[0]) | JUNK, max_size=2)
    return {int: COUNTS, str: st.sampled_from(WORDS), bool: st.booleans(), float: st.floats(0, 9)}.get(kind, JUNK)


SHAPES = {
    kind.__qualname__ + module.__name__: kind
    for info in iter_modules(formats.__path__)
    for module in [import_module(f"{formats.__name__}.{info.name}")]
    for name, found in vars(module).items()
    if isinstance(found, Shape)
    for kind in [found._shape]
}
"""The struct types that the formats decode."""

DOCUMENTS = st.one_of([shaped(kind) for kind in SHAPES.values()])


def check(facts: Facts) -> None:
    """The facts still have their types, so that nothing raises downstream."""
    assert msgspec.convert(msgspec.to_builtins(facts), Facts) == facts
    assert all(normalise(reason) for reason in facts.finish_reasons.values())


def everything(data: bytes) -> None:
    for wire_format in FORMATS.values():
        facts = Facts()
        wire_format.body(data, facts)
        check(facts)
        facts = Facts()
        for _ in range(2):
            assert wire_format.event(data, facts) in (True, False)
        check(facts)


def test_all_formats_and_shapes_are_here() -> None:
    assert len(FORMATS) >= 25
    assert len(SHAPES) >= 15


@PATIENT
@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    everything(data)


@PATIENT
@given(DOCUMENTS)
def test_any_json_of_about_the_right_shape(document: Any) -> None:
    everything(json.dumps(document).encode())


@PATIENT
@given(st.lists(DOCUMENTS, max_size=3))
def test_any_array(documents: list[Any]) -> None:
    everything(json.dumps(documents).encode())


@PATIENT
@given(DOCUMENTS, st.integers(0, 50))
def test_any_cut_json(document: Any, end: int) -> None:
    everything(json.dumps(document).encode()[:-end])


@PATIENT
@given(DOCUMENTS | st.text(max_size=9), st.booleans())
def test_any_chunk_of_invoke(document: Any, encoded: bool) -> None:
    data = json.dumps(document).encode()
    inner = base64.b64encode(data).decode() if encoded else document
    everything(json.dumps({"chunk": {"bytes": inner}}).encode())


@PATIENT
@given(st.lists(DOCUMENTS, min_size=2, max_size=5))
def test_any_stream(documents: list[Any]) -> None:
    for wire_format in FORMATS.values():
        facts = Facts()
        for document in documents:
            wire_format.event(json.dumps(document).encode(), facts)
        check(facts)


REQUEST_KEYS = [
    "model", "modelId", "model_id", "stream", "max_tokens", "max_completion_tokens", "temperature", "top_p", "top_k",
    "p", "k", "n", "seed", "stop", "tools", "text", "reasoning", "conversation", "response_format", "messages",
    "message", "prompt", "inputText", "textGenerationConfig", "maxTokenCount", "inferenceConfig", "toolConfig",
    "toolSpec", "generationConfig", "thinkingConfig", "responseModalities", "responseMimeType", "functionDeclarations",
    "requests", "parameters", "options", "output_config", "format", "type", "name", "function", "anthropic_version",
    "additionalModelRequestFields", "serviceTier", "input", "version", "think", "embedding_types", "dimensions",
]  # fmt: skip
REQUESTS = st.dictionaries(
    st.sampled_from(REQUEST_KEYS),
    st.recursive(
        JUNK | st.sampled_from(WORDS) | st.binary(max_size=2) | st.just(object()),
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(REQUEST_KEYS), inner, max_size=3),
        max_leaves=6,
    ),
)


@PATIENT
@given(REQUESTS)
def test_any_request(body: dict[str, Any]) -> None:
    """Bodies come from SDKs as Python objects, too, so values need not be JSON."""
    for wire_format in FORMATS.values():
        found = wire_format.request(body)
        assert msgspec.convert(msgspec.to_builtins(found), type(found)) == found


HEADERS = [
    "x-amzn-errortype", "x-amzn-bedrock-input-token-count", "x-amzn-bedrock-output-token-count",
    "x-amzn-bedrock-cache-read-input-token-count", "x-prompt-tokens", "x-generated-tokens",
]  # fmt: skip


@PATIENT
@given(st.dictionaries(st.sampled_from(HEADERS), st.text(max_size=5) | st.integers(-9, 99).map(str)))
def test_any_header(found: dict[str, str]) -> None:
    readers = [one for one in FORMATS.values() if isinstance(one, ReadsHeaders)]
    assert readers
    for reader in readers:
        facts = Facts()
        reader.headers(found, facts)
        check(facts)


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_deep_nesting(name: str) -> None:
    for mark in (b'{"error":', b"[", b'{"choices":[', b'{"response":'):
        facts = Facts()
        FORMATS[name].body(mark * 20_000, facts)
        FORMATS[name].event(mark * 20_000, facts)
        check(facts)
