"""JSON that an answer has to be, gathered piece by piece and checked once: is it JSON?

Only what was asked to be JSON is gathered, up to a cap, and nothing of it leaves the process: what remains of it is a
yes or no.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

import msgspec

from otel_llm.formats.reading import UNREADABLE

CAP: Final = 256 * 1024
"""Characters gathered of one response. Past it nothing is judged: half of a document says nothing."""

_check: Final = msgspec.json.Decoder(msgspec.Raw)


class Gathering:
    """Pieces of text by what they belong to: a choice, or a tool call of a choice."""

    __slots__ = ("_left", "_pieces")

    def __init__(self) -> None:
        self._pieces: dict[Hashable, list[str]] = {}
        self._left = CAP

    def add(self, key: Hashable, piece: str) -> None:
        """Takes the next piece of one text."""
        self._left -= len(piece)
        if self._left < 0:
            self._pieces.clear()
            return
        self._pieces.setdefault(key, []).append(piece)

    def broken(self, *, objects: bool = False) -> bool:
        """True if a text is no JSON, or with ``objects`` no JSON object. An empty text is none and says nothing."""
        return any(_broken("".join(pieces), objects) for pieces in self._pieces.values())


def _broken(text: str, objects: bool) -> bool:
    text = text.strip()
    if not text:
        return False
    if objects and not text.startswith("{"):
        return True
    try:
        _check.decode(text.encode("utf-8", "surrogatepass"))
    except UNREADABLE:
        return True
    return False
