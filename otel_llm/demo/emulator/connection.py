"""HTTP/1.1 as a provider's edge speaks it: reads requests, writes bodies and streams, breaks off as told."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol

from otel_llm.demo.emulator.reply import Reply
from otel_llm.demo.emulator.wire import Event

_REASONS: Final = {200: "OK", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests",
                   500: "Internal Server Error", 503: "Service Unavailable", 529: "Overloaded"}  # fmt: skip
HEAD_LIMIT: Final = 1 << 20
"""Bytes of a request's head."""


_GZIP: Final = {"content-encoding": "gzip"}


class _Packer(Protocol):
    """A compressor of :mod:`zlib`, whose class has no public name."""

    def compress(self, data: bytes, /) -> bytes: ...

    def flush(self, mode: int = ..., /) -> bytes: ...


class Head(NamedTuple):
    """A request as HTTP carries it."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class HangupError(Exception):
    """The connection ends here: cut by us as planned (``left`` is False) or left by the client."""

    def __init__(self, *, left: bool) -> None:
        super().__init__()
        self.left = left


class Connection:
    """One connection; all methods run on the emulator's event loop."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def request(self) -> Head | None:
        """The next request; ``None`` when the client has closed."""
        try:
            lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, target, _ = lines[0].split(" ", 2)
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:-2])}
            if headers.get("transfer-encoding", "").lower() == "chunked":
                return Head(method, target, headers, await self._chunked())
            return Head(method, target, headers, await self._reader.readexactly(int(headers.get("content-length", 0))))
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def _chunked(self) -> bytes:
        parts: list[bytes] = []
        while size := int((await self._reader.readuntil(b"\r\n")).split(b";")[0], 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readuntil(b"\r\n")
        return b"".join(parts)

    async def pause(self, seconds: float | None) -> None:
        """Waits, ``None`` for ever. Raises :class:`HangupError` as soon as the client closes: a client with a response
        outstanding sends nothing, so that all there can be to read is the end."""
        try:
            await asyncio.wait_for(self._reader.read(1), seconds)
        except TimeoutError:
            return
        raise HangupError(left=True)

    def cut(self) -> None:
        """Ends the connection in the middle. A reset would be ruder, but the client's kernel then throws away what it
        has not read yet, and how much arrives would be chance."""
        self._writer.close()

    async def send_body(self, status: int, headers: Mapping[str, str], body: bytes, reply: Reply) -> None:
        """A whole body, or the first half of it if the reply breaks off."""
        if reply.gzip:
            body, headers = gzip.compress(body, mtime=0), {**headers, "content-encoding": "gzip"}
        self._write_head(status, {**headers, "content-length": str(len(body))})
        half = reply.breaks in ("cut", "stall")
        await self._write(body[: len(body) // 2] if half else body)
        if half:
            await self._break(reply)

    async def send_stream(
        self, headers: Mapping[str, str], events: Iterable[Event], reply: Reply, last: Event | None
    ) -> None:
        """Events as chunks, at the reply's pace, up to where it breaks; then ``last``."""
        packer = zlib.compressobj(wbits=31) if reply.gzip else None
        self._write_head(200, {**headers, "transfer-encoding": "chunked"} | (_GZIP if packer else {}))
        sent = 0
        for event in events:
            if event.output:
                if reply.breaks and sent == reply.after:
                    break
                await self._pace(reply, sent)
                sent += 1
            await self._write_event(event.data, packer, reply)
            if reply.breaks and event.output and sent == reply.after:
                break
        if reply.breaks in ("cut", "stall"):
            await self._break(reply)
        if last:
            await self._write_event(last.data, packer, reply)
        if packer:
            await self._write_chunk(packer.flush())
        await self._write(b"0\r\n\r\n")

    async def _break(self, reply: Reply) -> None:
        await self._writer.drain()
        if reply.breaks == "stall":
            await self.pause(None)
        self.cut()
        raise HangupError(left=False)

    async def _pace(self, reply: Reply, sent: int) -> None:
        seconds = reply.chunk_delay if sent else reply.first_delay
        if seconds:
            await self.pause(seconds)

    async def _write_event(self, data: bytes, packer: _Packer | None, reply: Reply) -> None:
        if packer:
            data = packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)
        size = reply.split or len(data)
        for start in range(0, len(data), size):
            await self._write_chunk(data[start : start + size])
            if reply.split:
                await asyncio.sleep(0)

    async def _write_chunk(self, data: bytes) -> None:
        if data:
            await self._write(b"%x\r\n%b\r\n" % (len(data), data))

    def _write_head(self, status: int, headers: Mapping[str, str]) -> None:
        lines = [
            f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}",
            *(f"{name}: {headers[name]}" for name in headers),
        ]
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    async def _write(self, data: bytes) -> None:
        if self._writer.transport.is_closing():
            raise HangupError(left=True)
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError as error:
            raise HangupError(left=True) from error
