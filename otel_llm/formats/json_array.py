"""Cutting a streamed JSON array into its elements: Gemini's ``streamGenerateContent`` without ``alt=sse``."""

from __future__ import annotations

import re

from otel_llm.formats.framing import Pieces

_OUTSIDE = re.compile(rb'["{}]')
_INSIDE = re.compile(rb'["\\]')


class JsonArray(Pieces):
    """Framing of ``[{...}, {...}]`` whose objects arrive one by one. A bare object, as some errors are, comes out too.

    Only braces and strings are looked at, so the cut is right for valid JSON; of anything else the format complains.
    """

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._quoted = False
        self._escaped = False

    def feed(self, data: bytes) -> list[bytes]:
        if not data:
            return []
        found: list[bytes] = []
        start = 0
        at, self._escaped = int(self._escaped), False
        while match := (_INSIDE if self._quoted else _OUTSIDE).search(data, at):
            at = match.end()
            mark = match.group()
            if mark == b"\\":
                self._escaped = at == len(data)  # what is escaped has not come yet
                at += 1
            elif mark == b'"':
                self._quoted = not self._quoted
            elif mark == b"{":
                if self._depth == 0:
                    start = match.start()
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if self._depth == 0 and (element := self._ended(data[start:at])):
                    found.append(element)
        if self._depth and start < len(data):
            self._hold(data[start:])
        return found

    def end(self) -> list[bytes]:
        rest = self._ended()
        return [rest] if rest else []
