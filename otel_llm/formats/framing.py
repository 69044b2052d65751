"""Cutting a body into event payloads, on bytes: SSE and newline-delimited JSON, and undoing content encodings.

Never ``str.splitlines`` or an SDK's line iterator: U+2028 is legal inside JSON and would cut an event in two.
"""

from __future__ import annotations

import importlib
import zlib
from typing import Any, Final, Protocol


class Framing(Protocol):
    """Cuts bytes as they arrive into whole event payloads; keeps what is not whole yet."""

    def feed(self, data: bytes) -> list[bytes]: ...

    def end(self) -> list[bytes]:
        """Payloads left when the body is over."""
        ...


EVENT_CAP: Final = 16 * 1024 * 1024
"""Bytes kept of an event or a line that has not ended. A longer one is lost, and ``overflowed`` says so."""

_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


class ServerSentEvents:
    """``text/event-stream`` by the WHATWG rules: lines end with LF, CRLF or CR, an event ends with an empty line,
    several ``data:`` lines are joined by LF. The payloads carry their type, so ``event:`` lines are not needed."""

    def __init__(self) -> None:
        self._rest: bytes = b""
        self._fresh = True
        self.overflowed = False

    def feed(self, data: bytes) -> list[bytes]:
        if not self._rest and (alone := _alone(data)) is not None:
            return [alone]
        if self._rest:
            data = self._rest + data
        if self._fresh:
            if len(data) < len(_BYTE_ORDER_MARK):
                self._rest = data
                return []
            self._fresh = False
            data = data.removeprefix(_BYTE_ORDER_MARK)
        if b"\r" in data:
            held = data.endswith(b"\r")  # may be the first half of CRLF
            data = (data[:-1] if held else data).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            *events, self._rest = data.split(b"\n\n")
            self._rest += b"\r" if held else b""
        else:
            *events, self._rest = data.split(b"\n\n")
        if len(self._rest) > EVENT_CAP:
            self._rest, self.overflowed = b"", True
        return [payload for event in events if (payload := _payload(event))]

    def end(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        payload = _payload(rest.rstrip(b"\r\n"))
        return [payload] if payload else []


def _alone(data: bytes) -> bytes | None:
    """The payload if the data are exactly one event of at most one ``event:`` and one ``data:`` line: the fast path,
    since most providers flush each event for itself."""
    if not data.endswith(b"\n\n") or b"\r" in data:
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


class JsonLines:
    """Newline-delimited JSON: one payload a line."""

    def __init__(self) -> None:
        self._rest: bytes = b""
        self.overflowed = False

    def feed(self, data: bytes) -> list[bytes]:
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > EVENT_CAP:
            self._rest, self.overflowed = b"", True
        return [line for line in lines if line.strip()]

    def end(self) -> list[bytes]:
        rest, self._rest = self._rest, b""
        return [rest] if rest.strip() else []


class WholeBody:
    """A body that is one JSON document. Keeps at most ``cap`` bytes: past that the document is given up."""

    CAP = 16 * 1024 * 1024

    def __init__(self, cap: int = CAP) -> None:
        self._parts: list[bytes] = []
        self._left = cap
        self.overflowed = False

    def feed(self, data: bytes) -> list[bytes]:
        self._left -= len(data)
        if self._left < 0:
            self.overflowed = True
            self._parts.clear()
        else:
            self._parts.append(data)
        return []

    def end(self) -> list[bytes]:
        data = b"".join(self._parts)
        self._parts.clear()
        return [data] if data else []


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
    """``deflate`` is zlib data by the RFC and raw data by some servers: the first bytes tell."""

    def __init__(self) -> None:
        self._inner: Any = None

    def decompress(self, data: bytes, /) -> bytes:
        if self._inner is None:
            self._inner = zlib.decompressobj()
            try:
                return self._inner.decompress(data)
            except zlib.error:
                self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
        return self._inner.decompress(data)


class _Brotli:
    """Gives brotli's ``process`` (Google's package) the common name."""

    def __init__(self, inner: Any) -> None:
        self._process = getattr(inner, "process", None) or inner.decompress

    def decompress(self, data: bytes, /) -> bytes:
        return self._process(data)
