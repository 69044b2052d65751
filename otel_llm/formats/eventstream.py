"""Cutting ``application/vnd.amazon.eventstream`` into messages: AWS' binary framing of streamed answers.

Source: the AWS SDKs' description of the encoding. A message is a 12-byte prelude (total length, headers' length, CRC),
headers, payload and a CRC. The checksums are the SDK's business and not looked at here.
"""

from __future__ import annotations

import struct
from typing import Final

import msgspec

from otel_llm.formats.framing import JsonLines, Loss

_PRELUDE = struct.Struct(">III")
_CRC_BYTES = 4
_OVERHEAD = _PRELUDE.size + _CRC_BYTES
_VALUE_BYTES: Final = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
"""Header value types of a fixed size; 6 (bytes) and 7 (string) carry a two-byte length."""

Message = tuple[dict[str, str], bytes]
"""Headers (string values only) and payload."""


class EventStream:
    """Framing of AWS event streams.

    :meth:`feed` gives each message as one JSON object that names the event, ``{"messageStop": {...}}``: the shape that
    AWS' own SDKs give to their users, so a format reads the same from the wire and from botocore.

    A body that begins with a brace is lines of JSON under the stream's content type: cohere's AWS clients (5.21 to 7.3)
    unpack the messages beneath our seam.
    """

    CAP: Final = 24 * 1024 * 1024
    """Bytes of a message; the encoding's own limit is 16 MiB of payload."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._lines: JsonLines | None = None
        self._begun = False
        self.lost: Loss | None = None
        """``syntax`` once the bytes were no event stream: nothing is read after that."""

    @property
    def idle(self) -> bool:
        return not self._rest and (self._lines is None or self._lines.idle)

    def messages(self, data: bytes) -> list[Message]:
        """Whole messages; what is not whole yet is kept."""
        if self.lost:
            return []
        self._rest += data
        found: list[Message] = []
        start = 0
        while len(self._rest) - start >= _PRELUDE.size:
            total, headers, _ = _PRELUDE.unpack_from(self._rest, start)
            if total > self.CAP or total < headers + _OVERHEAD:
                self.lost = "syntax"
                self._rest.clear()
                return found
            if len(self._rest) - start < total:
                break
            head = start + _PRELUDE.size
            body = head + headers
            found.append((_headers(bytes(self._rest[head:body])), bytes(self._rest[body : start + total - _CRC_BYTES])))
            start += total
        del self._rest[:start]
        return found

    def feed(self, data: bytes) -> list[bytes]:
        if not self._begun and data:
            self._begun = True
            self._lines = JsonLines() if data.startswith(b"{") else None
        if self._lines is not None:
            found = self._lines.feed(data)
            self.lost = self._lines.lost
            return found
        return [_named(headers, payload) for headers, payload in self.messages(data)]

    def end(self) -> list[bytes]:
        self._rest.clear()
        return [] if self._lines is None else self._lines.end()


def _headers(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while at < len(data):
        start = at + 1
        at = start + data[at]
        name, kind = data[start:at], data[at : at + 1]
        at += 1
        if not kind:
            break
        size = _VALUE_BYTES.get(kind[0])
        if size is None:
            size = int.from_bytes(data[at : at + 2], "big")
            at += 2
        if kind[0] == 7:
            found[name.decode(errors="replace")] = data[at : at + size].decode(errors="replace")
        at += size
    return found


def _named(headers: dict[str, str], payload: bytes) -> bytes:
    """``{name: payload}``; an exception goes by its own name, a protocol error by ``error``."""
    kind = headers.get(":message-type")
    if kind == "error":
        code, text = _quoted(headers.get(":error-code", "")), _quoted(headers.get(":error-message", ""))
        return b'{"error":{"code":' + code + b',"message":' + text + b"}}"
    name = headers.get(":exception-type" if kind == "exception" else ":event-type", "")
    return b"{" + _quoted(name) + b":" + (payload.strip() or b"{}") + b"}"


def _quoted(text: str) -> bytes:
    return msgspec.json.encode(text)
