"""Cutting a streamed JSON array into its elements: Gemini's ``streamGenerateContent`` without ``alt=sse``."""

from __future__ import annotations

import re

_OUTSIDE = re.compile(rb'["{}]')
_INSIDE = re.compile(rb'["\\]')


class JsonArray:
    """Framing of ``[{...}, {...}]`` whose objects arrive one by one. A bare object, as some errors are, comes out too.

    Only braces and strings are looked at, so the cut is right for valid JSON; of anything else the format complains.
    """

    CAP = 16 * 1024 * 1024
    """Bytes kept of an object that has not ended."""

    def __init__(self) -> None:
        self._rest = b""
        self._at: int = 0
        self._depth = 0
        self._quoted = False
        self.overflowed = False

    def feed(self, data: bytes) -> list[bytes]:
        if self.overflowed:
            return []
        text = self._rest + data
        found: list[bytes] = []
        start, at = 0, self._at
        while match := (_INSIDE if self._quoted else _OUTSIDE).search(text, at):
            at = match.end()
            mark = match.group()
            if mark == b"\\":
                if at == len(text):
                    at -= 1  # what is escaped has not come yet
                    break
                at += 1
            elif mark == b'"':
                self._quoted = not self._quoted
            elif mark == b"{":
                if self._depth == 0:
                    start = match.start()
                self._depth += 1
            elif self._depth:
                self._depth -= 1
                if self._depth == 0:
                    found.append(text[start:at])
                    start = at
        else:
            at = len(text)
        if self._depth == 0:
            start = at  # brackets, commas and white space between the objects
        self._rest, self._at = text[start:], at - start
        if len(self._rest) > self.CAP:
            self._rest, self.overflowed = b"", True
        return found

    def end(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip() else []
