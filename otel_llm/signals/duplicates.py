"""Calls that repeat a recent successful one of this process to the letter: money for an answer that was there already.

A request is known again by a keyed hash of its body as it is sent, model and all parameters in it. Bytes, not sorted
JSON: the same code sends the same bytes, and to sort them would cost twenty times as much. The key is random, made per
process and never shown, so that a hash tells nobody what was asked.

Not counted, since it may be meant: a request that asks for variety (a temperature above 0 without a seed, several
choices), and one that goes on with a conversation that the provider keeps. A request that leaves the temperature to the
provider is counted: it asks for nothing but the same again.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections import OrderedDict
from typing import Final

from otel_llm.formats.facts import Request
from otel_llm.guard import guarded

WINDOW: Final = 3600.0
"""Seconds for which a call is remembered."""
REMEMBERED: Final = 8192
"""Calls that are remembered at most (about 1.5 MB)."""
BODY_CAP: Final = 512 * 1024
"""Bytes of a body that is hashed (1 ms); a larger one costs too much on the call's path."""


class Duplicates:
    """The successful calls of the last hour. :meth:`repeats` is called while the ledger's lock is held."""

    def __init__(self) -> None:
        self._key: Final = os.urandom(32)
        self._seen: OrderedDict[bytes, float] = OrderedDict()

    @guarded("duplicates.fingerprint")
    def fingerprint(self, provider: str, request: Request, body: bytes | None) -> bytes | None:
        """What the request is known by; ``None`` if it asks for variety, or its body is not in memory or very large."""
        if not body or len(body) > BODY_CAP or varied(request):
            return None
        found = hashlib.blake2b(body, digest_size=16, key=self._key)
        found.update(f"\0{provider}\0{request.operation}\0{request.model}".encode("utf-8", "surrogatepass"))
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
