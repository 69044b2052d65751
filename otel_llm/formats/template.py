"""Chunks of a stream that are alike but for their text: known by their fixed parts, and not parsed again."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

_QUOTE: Final = 0x22


def prose(*members: str) -> re.Pattern[bytes]:
    """What :func:`learn` needs of a format: the members of its events whose text states nothing by what it says."""
    return re.compile(rb'"(?:%s)"\s*:\s*"([^"\\]*(?:\\.[^"\\]*)*)"' % "|".join(members).encode())


class Template(NamedTuple):
    """The fixed parts of a piece of a stream.

    A piece that has them, and no quote between them, differs from the one that was read in nothing but the text. (Of an
    escaped quote at the end of a text it would be one quote short, and so no JSON.)
    """

    head: bytes
    """Up to the first text, its opening quote included."""
    rest: tuple[bytes, ...]
    """From the closing quote of each text to the next text, or to the end."""

    def fits(self, data: bytes) -> bool:
        """True if the data are such a piece with other text."""
        if not data.startswith(self.head):
            return False
        at = len(self.head)
        for part in self.rest:
            at = data.find(_QUOTE, at)
            if at < 0 or not data.startswith(part, at):
                return False
            at += len(part)
        return at == len(data)


def learn(data: bytes, where: re.Pattern[bytes]) -> Template | None:
    """The template of a piece of a stream; ``None`` if there is no text in it."""
    fixed: list[bytes] = []
    end = 0
    for text in where.finditer(data):
        fixed.append(data[end : text.start(1)])
        end = text.end(1)
    return Template(fixed[0], (*fixed[1:], data[end:])) if fixed else None
