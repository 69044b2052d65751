"""From the bytes of one response to its facts: undo the encoding, cut into events, let the format read them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final

from otel_llm.formats.eventstream import EventStream
from otel_llm.formats.facts import Facts, Format
from otel_llm.formats.framing import Decompressor, Framing, JsonLines, ServerSentEvents, WholeBody, decompressor
from otel_llm.formats.json_array import JsonArray
from otel_llm.formats.template import Template, learn

STREAM_FRAMINGS: Final[dict[str, Callable[[], Framing]]] = {
    "text/event-stream": ServerSentEvents,
    "application/vnd.amazon.eventstream": EventStream,
    "application/x-ndjson": JsonLines,
    "application/ndjson": JsonLines,
    "application/stream+json": JsonLines,
    "application/jsonl": JsonLines,
}
"""Framing by media type; any other type is one whole document."""

JSON_STREAMS: Final[dict[str, Callable[[], Framing]]] = {"gemini": JsonArray}
"""Framing of a stream that goes as ``application/json``, by format."""
LESSONS: Final = 32
"""Templates that are made in one stream: where all its chunks are different, there is none to find."""


class Reader:
    """Reads one response body piece by piece. What it cannot read it says in ``facts.undecodable``."""

    __slots__ = (
        "_decompressor", "_event", "_format", "_framing", "_idle", "_lessons", "_stopped", "_template", "_texts",
        "facts", "streamed",
    )  # fmt: skip

    def __init__(
        self, wire_format: Format, content_type: str = "", encoding: str = "", facts: Facts | None = None, *,
        asked_stream: bool = False,
    ) -> None:  # fmt: skip
        self.facts = facts or Facts()
        self._format = wire_format
        self._event = wire_format.event
        framing = stream_framing(content_type, wire_format.name, asked_stream)
        self.streamed = framing is not None
        self._framing: Framing | None = framing() if framing else None
        """``None``: one document, of which no piece came yet."""
        self._decompressor: Decompressor | None = None
        self._stopped = False
        self._idle = True
        """The framing holds nothing: what comes next begins a piece of its own."""
        self._texts = wire_format.texts
        self._template: Template | None = None
        self._lessons = LESSONS if self._texts else 0
        if encoding:
            try:
                self._decompressor = decompressor(encoding.strip().lower())
            except LookupError:
                self._stop("encoding")

    def feed(self, data: bytes) -> int:
        """Takes bytes as they came over the wire; returns how many output chunks they completed."""
        if self._decompressor is not None:
            try:
                data = self._decompressor.decompress(data)
            except Exception:  # brotli 1.2 and zstandard 0.25 have errors of their own right below Exception
                self._stop("encoding")
                return 0
        if self._template is not None and self._idle and self._template.fits(data):  # most chunks
            self.facts.chunks += 1
            return 1
        if self._stopped:
            return 0
        if self._framing is None:
            self._framing = WholeBody()
        payloads = self._framing.feed(data)
        began, self._idle = self._idle, self._framing.idle
        count = self._read(payloads) if payloads else 0
        if self._lessons and began and self._idle and count == len(payloads) == 1:
            self._learn(data)
        return count

    def end(self) -> int:
        """The body is over: reads what is left; returns how many output chunks that were."""
        if self._stopped or self._framing is None:
            return 0
        payloads = self._framing.end()
        self.facts.undecodable = self.facts.undecodable or self._framing.lost
        if self.streamed:
            return self._read(payloads)
        for document in payloads:
            self._format.body(document, self.facts)
        return 0

    def _read(self, payloads: list[bytes]) -> int:
        facts, event = self.facts, self._event
        chunks = sum([event(payload, facts) for payload in payloads])
        facts.chunks += chunks
        return chunks

    def _learn(self, data: bytes) -> None:
        """Knows the next chunk that is like this one, if this one stated nothing that the facts did not have."""
        facts = self.facts
        if self._texts is None or not facts.skim or facts.json_asked or facts.arguments is not None:
            return
        found = learn(data, self._texts)
        if found is not None and found != self._template:
            self._lessons -= 1
            self._template = found

    def _stop(self, why: str) -> None:
        self._stopped = True
        self._decompressor = self._template = None
        self.facts.undecodable = why


@lru_cache(maxsize=64)
def stream_framing(content_type: str, format_name: str, asked_stream: bool) -> Callable[[], Framing] | None:
    """How a stream of that ``Content-Type`` is cut; ``None`` if it is one whole document. Remembers the type."""
    media = content_type.partition(";")[0].strip().lower()
    if asked_stream and media == "application/json":
        return JSON_STREAMS.get(format_name)
    return STREAM_FRAMINGS.get(media)
