"""Calls that repeat a recent successful one of this process: money for an answer that was there already.

A request is known again by a keyed hash of its body, model and all parameters in it. Of a body up to
:data:`CANONICAL_CAP` the JSON is hashed with its keys in order and without blanks, so that what says the same is the
same; of a larger one the bytes as they are sent, which the same code sends again. The key is random, made per process
and never shown, so that a hash tells nobody what was asked. The hash is Python's own of bytes (SipHash, 64 bits): one
call in 10^15 is taken for another that it is not.

Not counted, since it may be meant: a request that asks for variety (a temperature above 0 without a seed, several
choices), and one that goes on with a conversation that the provider keeps. A request that leaves the temperature to the
provider is counted: it asks for nothing but the same again.
"""

from __future__ import annotations

import os
import time
from typing import Final

import msgspec

from otel_llm import guard
from otel_llm.formats.facts import Request

_failures: Final = guard.site("duplicates.fingerprint")

WINDOW: Final = 3600.0
"""Seconds for which a call is remembered."""
REMEMBERED: Final = 8192
"""Calls that are remembered at most (about 1.5 MB)."""
BODY_CAP: Final = 512 * 1024
"""Bytes of a body that is hashed (1 ms); a larger one costs too much on the call's path."""


CANONICAL_CAP: Final = 32 * 1024
"""Bytes of a body that is put in order before it is hashed. That doubles the time of the hash: from 1 to 4 us for a
short question, from 40 to 70 us for a body of this size, where the SDK takes 1600 us and more."""
_DECODER: Final = msgspec.json.Decoder()
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


class Duplicates:
    """The successful calls of the last hour. :meth:`repeats` is called while the ledger's lock is held."""

    def __init__(self) -> None:
        self._key: Final = os.urandom(16)
        self._seen: dict[int, float] = {}
        self._before: dict[int, float] = {}
        """An older half: what is still asked for moves on, and the rest is dropped as a whole."""

    def fingerprint(self, provider: str, request: Request, body: bytes | None) -> int | None:
        """What the request is known by; ``None`` if it asks for variety, or its body is not in memory or very large."""
        if not body or len(body) > BODY_CAP or varied(request):
            return None
        try:
            return hash((provider, request.operation, request.model, self._key + canonical(body)))
        except Exception as defect:  # out of memory
            _failures.note(defect)
            return None

    def repeats(self, fingerprint: int | None) -> bool:
        """True if an equal call succeeded lately. Notes this one, which did, too; ``None`` is like no other."""
        if fingerprint is None:
            return False
        now, seen = time.monotonic(), self._seen
        before = seen.get(fingerprint)
        if before is None:
            before = self._before.get(fingerprint)
        seen[fingerprint] = now
        if len(seen) >= REMEMBERED // 2:
            self._before, self._seen = seen, {}
        return before is not None and now - before <= WINDOW


def canonical(body: bytes) -> bytes:
    """The body's JSON in one of the many ways to write it; what is no JSON, or large, as it is."""
    if len(body) > CANONICAL_CAP:
        return body
    try:
        return _ENCODER.encode(_DECODER.decode(body))
    except (ValueError, OverflowError, RecursionError):  # no JSON; long numbers (msgspec 0.19); a hostile depth
        return body


def varied(request: Request) -> bool:
    """True if asking again may be meant."""
    if (request.choices or 1) > 1 or request.conversation is not None:
        return True
    return request.temperature is not None and request.temperature > 0 and request.seed is None
