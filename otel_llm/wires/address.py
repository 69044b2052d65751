"""A URL in the parts that a wire seam asks for, for libraries that keep it as text."""

from __future__ import annotations

from urllib.parse import urlsplit

import msgspec


class Address(msgspec.Struct, frozen=True):
    """As httpx's ``URL``: what :class:`otel_llm.wires.recognition.Url` asks for."""

    host: str
    port: int | None
    path: str


def address(url: str) -> Address:
    """The parts of a URL; those that it does not have are empty.

    :raises ValueError: if it is no URL.
    """
    parts = urlsplit(url)
    return Address(parts.hostname or "", parts.port, parts.path)
