"""Cutting a body into event payloads, on bytes: SSE and newline-delimited JSON, and undoing content encodings.

Never ``str.splitlines`` or an SDK's line iterator: U+2028 is legal inside JSON and would cut an event in two.
"""

from __future__ import annotations

import importlib
import zlib
from typing import Any, Final, Literal, Protocol

Loss = Literal["size", "syntax"]
"""Why bytes were lost: something was longer than what is kept, or the bytes are not what their media type says."""


class Framing(Protocol):
    """Cuts bytes as they arrive into whole event payloads; keeps what is not whole yet."""

    lost: Loss | None
    """Set once something was lost; what comes after may still be read."""

    @property
    def idle(self) -> bool:
        """True if it keeps nothing."""
        ...

    def feed(self, data: bytes) -> list[bytes]: ...

    def end(self) -> list[bytes]:
        """Payloads left when the body is over."""
        ...


EVENT_CAP: Final = 16 * 1024 * 1024
"""Bytes kept of an event that has not ended. A longer one is lost, the ones after it are not."""

_RETURN: Final = 0x0D
"""A byte as a number is found in a quarter of the time: of bytes, CPython 3.11 first asks whether they are a number."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class Pieces:
    """The event that has not ended, gathered as it comes. Each byte is looked at and copied once: what an event costs
    grows with its size alone, not with the number of its pieces."""

    def __init__(self) -> None:
        self._held = bytearray()
        self._size = 0
        """Bytes that came of the event, lost ones included."""
        self.lost: Loss | None = None

    @property
    def idle(self) -> bool:
        return not self._size

    def _hold(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > EVENT_CAP:
            self._held.clear()
            self.lost = "size"
        else:
            self._held += piece

    def _ended(self, last: bytes = b"") -> bytes:
        """The event whose last piece is ``last``; nothing of one that was too long."""
        whole = bytes(self._held + last) if self._size <= EVENT_CAP else b""
        self._held.clear()
        self._size = 0
        return whole


class ServerSentEvents(Pieces):
    """``text/event-stream`` by the WHATWG rules: lines end with LF, CRLF or CR, an event ends with an empty line,
    several ``data:`` lines are joined by LF. The payloads carry their type, so ``event:`` lines are not needed."""

    def __init__(self) -> None:
        super().__init__()
        self._edge = b""
        """Line ends at the end of what came: they may be the first half of a CRLF or of an empty line."""
        self._fresh = True

    @property
    def idle(self) -> bool:
        return not self._size and not self._edge

    def feed(self, data: bytes) -> list[bytes]:
        if self.idle and (alone := _alone(data)) is not None:
            self._fresh = False
            return [alone]
        events = self._lines(data).split(b"\n\n")
        rest = events.pop()
        if rest.endswith(b"\n"):
            rest, self._edge = rest[:-1], b"\n" + self._edge
        if events and self._size:
            events[0] = self._ended(events[0])
        if rest:
            self._hold(rest)
        return self._payloads(events)

    def end(self) -> list[bytes]:
        self._edge = b""
        return self._payloads([self._ended()])

    def _lines(self, data: bytes) -> bytes:
        """What came, with the edge before it and LF for every line end."""
        if self._edge:
            data, self._edge = self._edge + data, b""
        if _RETURN in data:
            if data.endswith(b"\r"):
                data, self._edge = data[:-1], b"\r"
            data = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        return data

    def _payloads(self, events: list[bytes]) -> list[bytes]:
        if self._fresh and events:
            self._fresh = False
            events[0] = events[0].removeprefix(_BYTE_ORDER_MARK)
        return [payload for event in events if (payload := _payload(event))]


def _alone(data: bytes) -> bytes | None:
    """The payload if the data are exactly one event of at most one ``event:`` and one ``data:`` line: the fast path,
    since most providers flush each event for itself."""
    if not data.endswith(b"\n\n") or _RETURN in data:
        return None
    begin = 6
    if data.startswith(b"event: "):
        begin = data.find(b"\n") + 7
        if data[begin - 6 : begin] != b"data: ":
            return None
    elif not data.startswith(b"data: "):
        return None
    return data[begin:-2] or None if data.find(b"\n", begin) == len(data) - 2 else None


def _payload(event: bytes) -> bytes:
    if event.startswith(b"data: ") and b"\n" not in event:
        return event[6:]
    lines = [line[5:].removeprefix(b" ") for line in event.split(b"\n") if line.startswith(b"data:") or line == b"data"]
    return b"\n".join(lines)


class JsonLines(Pieces):
    """Newline-delimited JSON: one payload a line."""

    def feed(self, data: bytes) -> list[bytes]:
        lines = data.split(b"\n")
        rest = lines.pop()
        if lines and self._size:
            lines[0] = self._ended(lines[0])
        if rest:
            self._hold(rest)
        return [line for line in lines if line.strip()]

    def end(self) -> list[bytes]:
        rest = self._ended()
        return [rest] if rest.strip() else []


class WholeBody(Pieces):
    """A body that is one JSON document: past ``EVENT_CAP`` bytes it is given up."""

    def feed(self, data: bytes) -> list[bytes]:
        self._hold(data)
        return []

    def end(self) -> list[bytes]:
        document = self._ended()
        return [document] if document else []


class Decompressor(Protocol):
    def decompress(self, data: bytes, /) -> bytes: ...


def decompressor(encoding: str) -> Decompressor | None:
    """Undoes a ``Content-Encoding``; ``None`` if there is nothing to undo.

    :raises LookupError: for an encoding that cannot be undone here. ``br`` and ``zstd`` are offered by HTTP clients
        only where a package for them is installed (httpx 0.28, httpx2 2.16), so that package is used.
    """
    if encoding in ("", "identity"):
        return None
    if encoding == "gzip":
        return zlib.decompressobj(zlib.MAX_WBITS | 16)
    if encoding == "deflate":
        return _Deflate()
    for module, attribute in _PACKAGES.get(encoding, ()):
        try:
            made: Any = getattr(importlib.import_module(module), attribute)()
        except (ImportError, AttributeError):
            continue
        if encoding == "br":
            return _Brotli(made)
        return made.decompressobj() if hasattr(made, "decompressobj") else made  # zstandard's streaming form
    raise LookupError(encoding)


_PACKAGES = {
    "br": (("brotli", "Decompressor"), ("brotlicffi", "Decompressor")),
    "zstd": (("compression.zstd", "ZstdDecompressor"), ("backports.zstd", "ZstdDecompressor"),
             ("zstandard", "ZstdDecompressor")),
}  # fmt: skip


class _Deflate:
    """``deflate`` is zlib data by the RFC and raw data by some servers: the first two bytes tell."""

    def __init__(self) -> None:
        self._inner: Any = None
        self._first = b""

    def decompress(self, data: bytes, /) -> bytes:
        if self._inner is None:
            data = self._first + data
            if len(data) < 2:
                self._first = data
                return b""
            wrapped = data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0  # RFC 1950, 2.2
            self._inner = zlib.decompressobj(zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS)
        return self._inner.decompress(data)


class _Brotli:
    """Gives brotli's ``process`` (Google's package) the common name."""

    def __init__(self, inner: Any) -> None:
        self._process = getattr(inner, "process", None) or inner.decompress

    def decompress(self, data: bytes, /) -> bytes:
        return self._process(data)
