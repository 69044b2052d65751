"""Calls that repeat a recent successful one of this process to the letter: money for an answer that was there already.

A request is known again by a keyed hash of its canonical body: JSON with sorted keys, the model and all parameters in
it. The key is random, made per process and never shown, so that a hash tells nobody what was asked.

Not counted, since it may be meant: a request that asks for variety (a temperature above 0 without a seed, several
choices), and one that goes on with a conversation that the provider keeps. A request that leaves the temperature to the
provider is counted: it asks for nothing but the same again.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final, cast

import msgspec

from otel_llm.formats.facts import Request
from otel_llm.guard import guarded

WINDOW: Final = 3600.0
"""Seconds for which a call is remembered."""
REMEMBERED: Final = 8192
"""Calls that are remembered at most (about 1.5 MB)."""
BODY_CAP: Final = 256 * 1024
"""Characters of a body that is hashed; a larger one costs too much to be looked at on the call's path."""
VALUES_CAP: Final = 4096
"""Values in such a body."""

_ABSENT: Final = ("Omit", "NotGiven")
"""Classes that Stainless SDKs (openai 3.54, anthropic 2.12) put where a parameter is not given."""


def _absent(value: object) -> None:
    if type(value).__name__ not in _ABSENT:
        raise NotImplementedError


_encoder: Final = msgspec.json.Encoder(order="sorted", enc_hook=_absent)


class Duplicates:
    """The successful calls of the last hour. :meth:`repeats` is called while the ledger's lock is held."""

    def __init__(self) -> None:
        self._key: Final = os.urandom(32)
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    @guarded("duplicates.fingerprint")
    def fingerprint(self, provider: str, request: Request, body: Mapping[str, Any]) -> bytes | None:
        """What the request is known by; ``None`` if it asks for variety, or cannot be hashed cheaply."""
        if not body or varied(request) or not _small(body):
            return None
        try:
            canonical = _encoder.encode(body)
        except (TypeError, ValueError, NotImplementedError, RecursionError):  # an SDK's own objects in it
            return None
        found = hashlib.blake2b(canonical, digest_size=16, key=self._key)
        found.update(f"{provider}\0{request.operation}\0{request.model}".encode("utf-8", "surrogatepass"))
        return found.digest()

    def repeats(self, fingerprint: bytes) -> bool:
        """True if an equal call succeeded lately. Notes this one, which did, too."""
        now, seen = time.monotonic(), self._seen
        before = seen.pop(fingerprint, None)
        seen[fingerprint] = now
        if len(seen) > REMEMBERED:
            seen.popitem(last=False)
        return before is not None and now - before <= WINDOW


def varied(request: Request) -> bool:
    """True if asking again may be meant."""
    if (request.choices or 1) > 1 or request.conversation is not None:
        return True
    return request.temperature is not None and request.temperature > 0 and request.seed is None


def _small(body: object) -> bool:
    """True if a body is small enough, by a walk that stops where it is not."""
    left, values = BODY_CAP, 0
    stack: list[object] = [body]
    while stack:
        value = stack.pop()
        values += 1
        if isinstance(value, (str, bytes)):
            left -= len(value)
        elif isinstance(value, dict):
            stack.extend(cast("dict[object, object]", value).values())
        elif isinstance(value, (list, tuple)):
            stack.extend(cast("list[object]", value))
        if left < 0 or values + len(stack) > VALUES_CAP:
            return False
    return True
