"""What a format reads out of a request and a response: plain typed facts, nothing derived and nothing guessed."""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from otel_llm.formats.gathering import Gathering
from otel_llm.formats.reading import UNREADABLE

Operation = Literal["chat", "generate_content", "text_completion", "embeddings", "retrieval"]
"""Values of ``gen_ai.operation.name`` that client calls can have; reranking is the conventions' ``retrieval``."""


class Usage(msgspec.Struct, kw_only=True):
    """Token counts by the conventions' meaning, whatever the provider's own: ``input`` includes cached tokens and
    ``output`` includes reasoning. ``None`` means that the provider did not state the count; 0 that it stated 0."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    """Part of ``input`` that was served from the provider's cache."""
    cache_write: int | None = None
    """Part of ``input`` that was written to the provider's cache, for any lifetime."""
    cache_write_1h: int | None = None
    """Part of ``cache_write`` with a lifetime of one hour, where the provider splits it (Anthropic)."""
    reasoning: int | None = None
    """Part of ``output``."""
    input_audio: int | None = None
    """Part of ``input``."""
    output_audio: int | None = None
    """Part of ``output``."""
    cost: float | None = None
    """US dollars that a gateway (OpenRouter; LiteLLM in a stream) stated for the call."""


class Request(msgspec.Struct, kw_only=True):
    """What was asked, as far as a span shows it. ``None``: not in the request."""

    operation: Operation
    model: str | None = None
    stream: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    choices: int | None = None
    stop_sequences: list[str] | None = None
    encoding_formats: list[str] | None = None
    dimensions: int | None = None
    results: int | None = None
    """How many documents a retrieval is to give."""
    reasoning_level: str | None = None
    previous_response: str | None = None
    conversation: str | None = None
    output_type: Literal["text", "json", "image", "speech"] | None = None
    service_tier: str | None = None
    tools: frozenset[str] = frozenset()
    """Names of the offered tools; empty also where they cannot be told."""


class Facts(msgspec.Struct, kw_only=True):
    """What a response states. A format fills it in, event by event for a stream; later statements win."""

    response_model: str | None = None
    response_id: str | None = None
    finish_reasons: dict[int, str] = {}
    """The provider's own words by choice index."""
    usage: Usage | None = None
    cost: float | None = None
    """US dollars that a gateway stated in a response header (LiteLLM); what the body states (``usage.cost``) holds."""
    error_code: str | None = None
    """Provider's error code (``context_length_exceeded``), also from an error event inside a 200."""
    error_type: str | None = None
    """Provider's error type (``invalid_request_error``)."""
    error_detail: str | None = None
    """What the error states beneath its code: Azure's inner error, Google's reason or quota, Anthropic's details."""
    error_message: str | None = None
    """For classification only: never exported, since providers quote prompts and keys in it."""
    service_tier: str | None = None
    system_fingerprint: str | None = None
    chunks: int = 0
    """Stream events with a payload, pings and sentinels left out."""
    complete: bool = False
    """The format's terminal event was seen, or a whole body was read."""
    undecodable: str | None = None
    """Why the body could not be read: a content encoding, a size, a syntax."""
    text: bool | None = None
    """Whether any output text was seen; ``None`` where the format does not tell."""
    other_output: bool = False
    """Output was seen that is neither text nor a call of an offered tool: audio, an image, a provider's own tool."""
    refused: bool = False
    tools_called: set[str] = set()
    json_asked: bool = False
    """Set before the response is read: its text is to be JSON, and is gathered to see whether it is."""
    skim: bool = False
    """Stream: what comes next is text that nothing is gathered of; a format may leave it unread."""
    answers: Gathering | None = None
    arguments: Gathering | None = None
    arguments_broken: bool = False
    """A tool was called with something else than a JSON object."""

    def say(self, choice: int, piece: str) -> None:
        """Output text of a choice."""
        self.text = True
        if not self.json_asked:
            self.skim = True
            return
        if self.answers is None:
            self.answers = Gathering()
        self.answers.add(choice, piece)

    def argue(self, tool: Hashable, piece: msgspec.Raw | str | None) -> None:
        """Arguments of a tool call: a piece of their JSON as text, or the value as the provider has it."""
        if isinstance(piece, msgspec.Raw):
            value = bytes(piece)
            if not value.startswith(b'"'):
                self.arguments_broken = self.arguments_broken or value[:1] not in (b"", b"{", b"n")  # n: null
                return
            piece = _string(value)
        if piece:  # of a text
            if self.arguments is None:
                self.arguments = Gathering()
            self.arguments.add(tool, piece)

    def failed(self) -> bool:
        """True if the body itself states an error, whatever the HTTP status."""
        return self.error_code is not None or self.error_type is not None

    def forget(self) -> None:
        """Drops what was gathered, once it is judged."""
        self.answers = self.arguments = None


def _string(value: bytes) -> str:
    try:
        return msgspec.json.decode(value, type=str)
    except UNREADABLE:
        return ""


class Format(Protocol):
    """One documented wire format. Stateless: the state of a response is its :class:`Facts`."""

    @property
    def name(self) -> str: ...

    @property
    def terminated(self) -> bool:
        """True if a whole stream always ends with an event of its own, so that a missing one means a cut stream."""
        ...

    @property
    def texts(self) -> re.Pattern[bytes] | None:
        """Texts in its stream events that state nothing by what they say, so that events which differ in nothing else
        need not be read (:func:`otel_llm.formats.template.prose`); ``None`` where each event is read."""
        ...

    def request(self, body: Mapping[str, Any]) -> Request:
        """Facts of a JSON request body; fields that do not read are left out."""
        ...

    def body(self, data: bytes, facts: Facts) -> None:
        """Reads a whole response body, of a success or of an error."""
        ...

    def event(self, data: bytes, facts: Facts) -> bool:
        """Reads one stream event's payload; True if it is an output chunk (no ping, no sentinel)."""
        ...


@runtime_checkable
class ReadsHeaders(Protocol):
    """A format whose providers state facts in response headers (Bedrock, Hugging Face)."""

    def headers(self, headers: Mapping[str, str], facts: Facts) -> None:
        """Reads response headers, by lower-case name. Call it before the body: what the body states holds."""
        ...
