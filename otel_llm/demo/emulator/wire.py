"""What a wire format gives the emulator, and the framing that several share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, Protocol

import msgspec

from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply, Usage

CREATED: Final = 1_795_000_000
"""Creation time in every answer, seconds since 1970: fixed, so that a seed gives the same bytes."""


class Event(NamedTuple):
    """One event of a stream."""

    data: bytes
    output: bool = False
    """An output chunk: these are what ``Reply.after`` counts and what the delays are between."""


class Failure(NamedTuple):
    """An error response."""

    status: int
    body: Mapping[str, Any]


class Wire(Protocol):
    """One provider API. Stateless; a new one is a module with such an object and a row in ``routes``."""

    @property
    def provider(self) -> str:
        """Value of ``gen_ai.provider.name`` that clients of this API have by default."""
        ...

    @property
    def operation(self) -> str:
        """Value of ``gen_ai.operation.name``."""
        ...

    @property
    def stream_type(self) -> str:
        """Content type of a stream."""
        ...

    def body(self, reply: Reply, asked: Received) -> Mapping[str, Any]:
        """A whole answer."""
        ...

    def events(self, reply: Reply, asked: Received) -> Iterator[Event]:
        """The same answer as a stream, the last event included if ``reply.terminator``."""
        ...

    def failure(self, reply: Reply, asked: Received) -> Failure:
        """The error response of ``reply.fails``."""
        ...

    def failure_event(self, reply: Reply, asked: Received) -> bytes:
        """The same error inside a stream."""
        ...

    def headers(self, reply: Reply, asked: Received) -> Mapping[str, str]:
        """Response headers of the provider, rate limits included."""
        ...

    def stated(self, reply: Reply, asked: Received, *, broken: bool) -> Usage | None:
        """The usage that the client gets to read: of a stream that breaks, just what stood before the break."""
        ...

    def finishes(self, reply: Reply, asked: Received) -> list[str]:
        """Normalised finish reasons, one per choice; empty where the API has none."""
        ...


def sse(payload: Mapping[str, Any] | bytes, event: str | None = None) -> bytes:
    """One server-sent event of a JSON object, or of bytes as they are."""
    data = payload if isinstance(payload, bytes) else msgspec.json.encode(payload)
    return (b"event: %s\n" % event.encode() if event else b"") + b"data: %s\n\n" % data


def arguments(text: str) -> list[str]:
    """Tool arguments in the pieces that a stream has."""
    half = len(text) // 2
    return [part for part in (text[:half], text[half:]) if part]
