"""Facts in response headers: request id, rate limits, how long to wait, a gateway's cost. Nothing else of them is kept.

Sources: the providers' references and recorded traffic (Azure, Anthropic, Mistral, Together, OpenAI); Cerebras and
Fireworks from their references only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple, Protocol


class Headers(Protocol):
    """Response headers by lower-case name: a plain dict, or the HTTP library's own case-insensitive mapping."""

    def get(self, key: str, /) -> str | None: ...

    def __contains__(self, key: object, /) -> bool: ...

    def __iter__(self) -> Iterator[str]: ...


REQUEST_IDS: Final = (
    "apim-request-id",  # Azure, which sends x-request-id, too, but asks for this one
    "x-request-id",  # OpenAI, Groq, Together, Cerebras, Fireworks, Hugging Face, Voyage, vLLM
    "request-id",  # Anthropic
    "x-amzn-requestid",  # Bedrock
    "mistral-correlation-id",
    "x-debug-trace-id",  # Cohere
)
"""Headers with the id that a provider's support asks for, the most telling first."""

_ID_LENGTH: Final = 128

COST: Final = "x-litellm-response-cost"
"""LiteLLM's proxy: US dollars for the call. Not on streams, whose last chunk states them (``usage.cost``)."""


class Limit(NamedTuple):
    """One rate limit, in the provider's unit and window."""

    kind: str
    """One of :data:`otel_llm.catalog.LIMIT_KINDS`."""
    limit: float
    remaining: float
    reset: str | None = None
    """When all of it is there again, in the provider's own form; :func:`seconds_until` reads it."""


DIALECTS: Final[tuple[tuple[tuple[str, str, str], ...], ...]] = (
    (  # OpenAI, Azure, Groq, OpenAI-compatible servers; Fireworks splits the tokens
        ("requests", "x-ratelimit-limit-requests", "x-ratelimit-remaining-requests"),
        ("tokens", "x-ratelimit-limit-tokens", "x-ratelimit-remaining-tokens"),
        ("input_tokens", "x-ratelimit-limit-tokens-prompt", "x-ratelimit-remaining-tokens-prompt"),
        ("output_tokens", "x-ratelimit-limit-tokens-generated", "x-ratelimit-remaining-tokens-generated"),
    ),
    (  # Anthropic
        ("tokens", "anthropic-ratelimit-tokens-limit", "anthropic-ratelimit-tokens-remaining"),
        ("requests", "anthropic-ratelimit-requests-limit", "anthropic-ratelimit-requests-remaining"),
        ("input_tokens", "anthropic-ratelimit-input-tokens-limit", "anthropic-ratelimit-input-tokens-remaining"),
        ("output_tokens", "anthropic-ratelimit-output-tokens-limit", "anthropic-ratelimit-output-tokens-remaining"),
    ),
    (  # Mistral
        ("tokens", "x-ratelimit-limit-tokens-minute", "x-ratelimit-remaining-tokens-minute"),
        ("requests", "x-ratelimit-limit-req-10-second", "x-ratelimit-remaining-req-10-second"),
        ("requests", "x-ratelimit-limit-req-minute", "x-ratelimit-remaining-req-minute"),
        ("requests", "x-ratelimit-limit-requests-day", "x-ratelimit-remaining-requests-day"),  # Cerebras
    ),
    (  # Together
        ("requests", "x-ratelimit-limit", "x-ratelimit-remaining"),
        ("tokens", "x-tokenlimit-limit", "x-tokenlimit-remaining"),
    ),
)
"""Families of header names. One response speaks one of them."""
_RESETS: Final = {
    remaining: remaining.replace("remaining", "reset") for dialect in DIALECTS for _, _, remaining in dialect
}
"""The header that says when a limit is whole again, by the one that says what is left."""


def request_id(headers: Headers) -> str | None:
    """The provider's id of this exchange, or ``None``."""
    for name in REQUEST_IDS:
        if name in headers and (found := headers.get(name)):
            return found[:_ID_LENGTH]
    return None


def cost(headers: Headers) -> float | None:
    """US dollars that a gateway stated for this exchange, or ``None``."""
    return _count(headers.get(COST))


def rate_limits(headers: Headers) -> list[Limit]:
    """Limits of which the provider stated both the size and the rest; each kind at most once."""
    for name in headers:
        if "limit" in name.lower():  # every dialect says so; one pass instead of 40 look-ups
            return _stated_limits(headers)
    return []


def _stated_limits(headers: Headers) -> list[Limit]:
    for dialect in DIALECTS:
        found: dict[str, Limit] = {}
        for kind, limit, remaining in dialect:
            if kind not in found and (size := _count(headers.get(limit))) is not None and size > 0:
                left = _count(headers.get(remaining))
                if left is not None:
                    found[kind] = Limit(kind, size, left, headers.get(_RESETS[remaining]))
        if found:
            return list(found.values())
    return _draft_limits(headers)


_REST = re.compile(r";\s*r=(\d+)")
_QUOTA = re.compile(r";\s*q=(\d+)")
_WINDOW = re.compile(r";\s*t=(\d+)")


def _draft_limits(headers: Headers) -> list[Limit]:
    """The IETF draft's two headers (Hugging Face): ``"api";r=499;t=300`` and ``"fixed window";"api";q=500;w=300``."""
    stated = headers.get("ratelimit")
    if not stated:
        return []
    rest, quota = _REST.search(stated), _QUOTA.search(headers.get("ratelimit-policy") or "")
    if not (rest and quota and int(quota[1])):
        return []
    window = _WINDOW.search(stated)
    return [Limit("requests", float(quota[1]), float(rest[1]), window[1] if window else None)]


_DURATION: Final = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)s)?(?:([\d.]+)ms)?")
_PARTS: Final = (86400.0, 3600.0, 60.0, 1.0, 0.001)


def seconds_until(reset: str, now: float) -> float | None:
    """Seconds from ``now`` (since 1970) until a stated reset, or ``None`` if it does not read: ``6m0s`` (OpenAI),
    ``7.66s`` (Groq), a number of seconds (Azure, Together, Cerebras), RFC 3339 (Anthropic)."""
    plain = _count(reset)
    if plain is not None:
        return plain
    found = _DURATION.fullmatch(reset)
    try:
        if found and any(found.groups()):
            return sum(float(part) * size for part, size in zip(found.groups(), _PARTS, strict=True) if part)
        at = datetime.fromisoformat(reset)
    except ValueError:
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now)


def retry_after(headers: Headers) -> float | None:
    """Seconds that the provider asks to wait, or ``None``. A date counts from the response's own ``Date``."""
    milliseconds = _count(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    stated = headers.get("retry-after")
    if not stated:
        return None
    seconds = _count(stated)
    return _until(stated, headers.get("date")) if seconds is None else seconds


def _until(stated: str, now: str | None) -> float | None:
    if not now:
        return None
    try:
        return max(0.0, (parsedate_to_datetime(stated) - parsedate_to_datetime(now)).total_seconds())
    except (TypeError, ValueError, OverflowError):
        return None


def _count(stated: str | None) -> float | None:
    """A finite number that is not negative (Azure writes -1 for unknown)."""
    if not stated:
        return None
    try:
        found = float(stated)
    except ValueError:
        return None
    return found if math.isfinite(found) and found >= 0 else None
