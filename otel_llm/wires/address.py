"""A URL in the parts that a wire seam asks for, for libraries that keep it as text."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

import msgspec

DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Address(msgspec.Struct, frozen=True):
    """As httpx's ``URL``: what :class:`otel_llm.wires.recognition.Url` asks for."""

    host: str
    port: int | None
    """``None`` where it is the scheme's own, written or not, so that one server has one label in every library."""
    path: str


def address(url: str) -> Address:
    """The parts of a URL; those that it does not have are empty.

    :raises ValueError: if it is no URL.
    """
    parts = urlsplit(url)
    port = parts.port
    return Address(parts.hostname or "", None if port == DEFAULT_PORTS.get(parts.scheme) else port, parts.path)
