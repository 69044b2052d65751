"""Cells: where the ledger's values live, in memory or in a file that sibling processes read.

A segment is a run of bytes of fixed size: a header, then entries that are only ever appended. An entry is a key (JSON
list: metric name, label values) and a number of 8-byte cells. The layout is the same in memory and in a file, so a
process that turns out to have siblings writes its segments down as they are. An aligned cell is stored by one machine
instruction: a reader sees the old value or the new one, and a process that is killed loses at most the update that it
was in the middle of.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator
from mmap import mmap
from typing import Any, Final, TypeAlias

MAGIC: Final = b"otelllm1"
HEADER: Final = 16
"""Bytes before the first entry: magic, then the number of bytes in use."""
CELL: Final = 8
FIRST_SEGMENT: Final = 64 * 1024
"""Bytes; room for some four models."""
LATER_SEGMENT: Final = 256 * 1024

_USED: Final = struct.Struct("<q")
_ENTRY: Final = struct.Struct("<II")

Key = tuple[str, ...]
Buffer: TypeAlias = "bytes | bytearray | memoryview[int] | mmap"


def encode(key: Key) -> bytes:
    """The key as it stands in a segment, padded to whole cells. ASCII, whatever the labels hold."""
    text = json.dumps(key, separators=(",", ":")).encode()
    return text + b" " * (-len(text) % CELL)


def decode(data: bytes) -> Key:
    """:raises ValueError: if this is no key."""
    found: Any = json.loads(data)
    if not isinstance(found, list):
        raise ValueError("not a list")
    return tuple(str(part) for part in found)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


class Segment:
    """One run of cells. ``cells`` are its 8-byte doubles, ``raw`` the same bytes."""

    __slots__ = ("cells", "raw", "used")

    def __init__(self, buffer: Buffer) -> None:
        self.used = HEADER
        self.mount(buffer)
        self.raw[: len(MAGIC)] = MAGIC
        self._publish()

    def mount(self, buffer: Buffer) -> None:
        """From now on these bytes are the segment; the caller has copied what was there."""
        self.raw: memoryview[int] = memoryview(buffer)
        self.cells: memoryview[float] = self.raw.cast("d")

    def add(self, key: Key, count: int) -> int | None:
        """Appends an entry of ``count`` cells at 0. Index of the first one, or ``None`` where it does not fit."""
        text = encode(key)
        first = self.used + _ENTRY.size + len(text)
        end = first + count * CELL
        if end > len(self.raw):
            return None
        self.raw[self.used : first] = _ENTRY.pack(len(text), count) + text
        self.used = end
        self._publish()
        return first // CELL

    def reset(self) -> None:
        """A private copy with every cell at 0: the child's of its parent's, after a fork."""
        copy = bytearray(self.raw)
        for _, first, count, _ in entries(copy):
            copy[first * CELL : (first + count) * CELL] = bytes(count * CELL)
        self.mount(copy)

    def _publish(self) -> None:
        # Last, and as one aligned store: who reads up to here reads whole entries only.
        self.raw[8:16] = _USED.pack(self.used)


class Cells:
    """All segments of one process. ``make`` gives a further one of at least so many bytes."""

    def __init__(self) -> None:
        self.segments: Final[list[Segment]] = []
        self.make: Callable[[int], Segment] = in_memory

    def place(self, key: Key, count: int) -> tuple[Segment, int]:
        """Cells for a new entry: the segment and the index of the first."""
        if self.segments:
            first = self.segments[-1].add(key, count)
            if first is not None:
                return self.segments[-1], first
        self.grow()
        first = self.segments[-1].add(key, count)
        if first is None:
            raise ValueError(f"{count} cells do not fit into a segment: {key[0]}")
        return self.segments[-1], first

    def grow(self) -> None:
        """Appends an empty segment."""
        self.segments.append(self.make(LATER_SEGMENT if self.segments else FIRST_SEGMENT))

    def fork(self) -> None:
        """In a forked child: private copies at 0, and nothing of the parent's files."""
        self.make = in_memory
        for segment in self.segments:
            segment.reset()

    def clear(self) -> None:
        self.segments.clear()


def in_memory(size: int) -> Segment:
    return Segment(bytearray(size))


def in_use(data: Buffer) -> int:
    """Bytes in use of a segment's bytes; 0 if they are none, or were cut."""
    view = memoryview(data)
    if len(view) < HEADER or bytes(view[: len(MAGIC)]) != MAGIC:
        return 0
    return max(min(_USED.unpack_from(view, 8)[0], len(view)), 0)


def entries(data: Buffer, start: int = HEADER) -> Iterator[tuple[bytes, int, int, int]]:
    """Entries from byte ``start`` on: key as it stands, index of the first cell, number of cells, byte after it.

    Stops where the bytes make no sense (a torn or damaged file): what came before still counts.
    """
    view, end = memoryview(data), in_use(data)
    while start + _ENTRY.size <= end:
        length, count = _ENTRY.unpack_from(view, start)
        first = start + _ENTRY.size + length
        after = first + count * CELL
        if length == 0 or length % CELL or after > end:
            return
        yield bytes(view[start + _ENTRY.size : first]), first // CELL, count, after
        start = after
