"""What the emulator answers to one request, in terms that hold for every wire format."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec

from otel_llm.catalog import ErrorClass, Outcome

Finish = Literal["stop", "length", "content_filter", "tool_call"]
"""Normalised finish reasons (:data:`otel_llm.catalog.FINISH_VALUES`); each wire writes its provider's own word."""

Break = Literal["cut", "stall", "error"]
"""How a response goes wrong on the way: the connection is cut, nothing more comes, an error event comes."""

STREAM_FAULTS: Final = ("provider", "overloaded", "rate_limit", "content_filter")
"""Error classes that providers state in the middle of a stream."""

STATUS_CLASSES: Final[Mapping[int, ErrorClass]] = {
    400: "bad_request", 401: "auth", 402: "quota", 403: "auth", 404: "not_found", 408: "timeout",
    413: "bad_request", 422: "bad_request", 429: "rate_limit", 503: "overloaded", 504: "timeout", 529: "overloaded",
}  # fmt: skip
"""Error class of a bare status; other 4xx are ``bad_request`` and other 5xx ``provider``."""


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens by disjoint type, as :data:`otel_llm.catalog.TOKEN_TYPES` counts them: they add up to the total.
    A wire adds them up to its provider's own terms (OpenAI's ``prompt_tokens`` includes cached ones)."""

    input: int = 0
    """Uncached input."""
    cache_read: int = 0
    cache_write: int = 0
    """For any lifetime, :attr:`cache_write_1h` included."""
    cache_write_1h: int = 0
    """Part of :attr:`cache_write` that lives one hour (Anthropic)."""
    output: int = 0
    """Output that is not reasoning."""
    reasoning: int = 0

    @property
    def consistent(self) -> bool:
        """False for what no provider should state. A negative :attr:`input` makes an OpenAI wire state more cached
        tokens than there are."""
        return min(self.input, self.cache_read, self.cache_write, self.output, self.reasoning) >= 0

    def disjoint(self) -> dict[str, int]:
        """Counts by token type of the catalogue, zeros left out."""
        counts = {
            "input": self.input, "input_cache_read": self.cache_read, "input_cache_write": self.cache_write,
            "output": self.output, "output_reasoning": self.reasoning,
        }  # fmt: skip
        return {kind: count for kind, count in counts.items() if count}


class Tool(msgspec.Struct, frozen=True):
    """One tool call of an answer."""

    name: str
    arguments: str = "{}"
    """JSON text; any other text makes arguments that do not parse."""

    @property
    def given(self) -> Any:
        """The arguments as a value, for APIs that send them so; what does not parse goes as the text that it is."""
        try:
            return msgspec.json.decode(self.arguments)
        except msgspec.DecodeError:
            return self.arguments


class Limit(msgspec.Struct, frozen=True):
    """A rate limit as the headers state it."""

    limit: int
    remaining: int


LIMITS: Final[Mapping[str, Limit]] = {"requests": Limit(10_000, 9_990), "tokens": Limit(2_000_000, 1_990_000)}


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One response. Build it with :meth:`chat`, :meth:`stream`, :meth:`error`, :meth:`broken` or :meth:`raw`;
    whether it travels as one body or as a stream is the request's choice."""

    text: str = "Hello from the emulator."
    pieces: tuple[str, ...] = ()
    """Text of each output chunk of a stream; empty: one chunk per word of :attr:`text`."""
    model: str | None = None
    """Model that the response names; ``None``: the request's."""
    usage: Usage | None = Usage(input=11, output=7)
    """``None``: the provider states no usage."""
    tier: str | None = None
    """Service tier that the response states (wires of OpenAI's completions alone)."""
    finish: Finish = "stop"
    refusal: bool = False
    tools: tuple[Tool, ...] = ()
    terminator: bool = True
    """Streams: whether the format's last event (``[DONE]``, ``message_stop``) is sent."""

    fails: ErrorClass | None = None
    """Error class of a reply that fails; each wire has its provider's status, code and words for it."""
    status: int | None = None
    """HTTP status in place of the wire's own."""
    message: str | None = None
    """Error message in place of the wire's own."""
    bills: bool = False
    """A failure's body states :attr:`usage`, as a gateway's may (wires of OpenAI's completions alone)."""
    retry_after: float | None = None
    """Seconds for the ``retry-after`` headers."""

    breaks: Break | None = None
    after: int | None = None
    """Output chunks sent before it breaks; ``None``: before the first byte of the response."""

    delay: float = 0.0
    """Seconds before the response's first byte."""
    first_delay: float = 0.0
    """Seconds between the headers and the first output chunk."""
    chunk_delay: float = 0.0
    """Seconds before each further output chunk."""

    gzip: bool = False
    """Compress the body, if the request accepts that."""
    split: int | None = None
    """Bytes per write of a stream, to tear events apart; ``None``: an event per write."""
    headers: Mapping[str, str] = {}
    """Headers on top of the wire's, or in place of them."""
    limits: Mapping[str, Limit] = msgspec.field(default_factory=lambda: dict(LIMITS))
    """Rate limits for the headers, by :data:`otel_llm.catalog.LIMIT_KINDS`; empty: no such headers."""

    raw_body: bytes | None = None
    """Bytes to send as they are in place of all of the above."""
    content_type: str | None = None

    outcome: Outcome | None = None
    """What becomes of the call where the caller decides it (``abandoned``, ``cancelled``); ``None``: by the reply."""

    @classmethod
    def chat(cls, text: str = "Hello from the emulator.", **fields: Any) -> Reply:
        """A good answer: text completion, message or chat, by what was asked."""
        return cls(text=text, **fields)

    @classmethod
    def stream(cls, *pieces: str, **fields: Any) -> Reply:
        """A good answer in the given output chunks (also answers a request that asks for no stream, in one piece)."""
        return cls(pieces=pieces, text="".join(pieces), **fields) if pieces else cls(**fields)

    @classmethod
    def error(cls, fault: ErrorClass | int, *, retry_after: float | None = 0.005, **fields: Any) -> Reply:
        """An HTTP error, or an error event after ``after=n`` chunks of a stream. ``fault`` is a class of the
        catalogue, or a status. ``retry_after`` is in seconds and short, so that retries do not slow a test down.

        Raises ``ValueError`` for ``network`` and ``unknown``, which no provider answers, and for what none says in the
        middle of a stream (:data:`STREAM_FAULTS`)."""
        if fault in ("network", "unknown"):
            raise ValueError(f"Reply.error({fault!r}): no provider answers that; a broken network is broken('cut')")
        fails = _class_of(fault) if isinstance(fault, int) else fault
        if fields.get("after") is not None and fails not in STREAM_FAULTS:
            raise ValueError(f"Reply.error({fault!r}, after=...): streams break by {', '.join(STREAM_FAULTS)} only")
        if isinstance(fault, int):
            fields.setdefault("status", fault)
        return cls(fails=fails, breaks="error", retry_after=retry_after, **fields)

    @classmethod
    def broken(cls, how: Literal["cut", "stall"], *, after: int | None = None, **fields: Any) -> Reply:
        """A connection that is cut, or goes silent until the client leaves it: at once, or after some chunks.
        One body without a stream breaks in its middle where ``after`` is given."""
        return cls(breaks=how, after=after, fails="network" if how == "cut" else "timeout", **fields)

    @classmethod
    def raw(cls, body: bytes | str, status: int = 200, content_type: str = "application/json", **fields: Any) -> Reply:
        """A response of the given bytes, for bodies that no provider should send."""
        data = body.encode() if isinstance(body, str) else body
        return cls(raw_body=data, status=status, content_type=content_type, **fields)

    def but(self, **changes: Any) -> Reply:
        """The same reply with other fields."""
        return msgspec.structs.replace(self, **changes)

    def chunks(self) -> tuple[str, ...]:
        """Text of each output chunk of a stream."""
        if self.pieces:
            return self.pieces
        words = self.text.split(" ")
        return tuple(word + " " for word in words[:-1]) + ((words[-1],) if words[-1] else ())


def _class_of(status: int) -> ErrorClass:
    if (found := STATUS_CLASSES.get(status)) is not None:
        return found
    return "provider" if status >= 500 else "bad_request"
