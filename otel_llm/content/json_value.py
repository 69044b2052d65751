"""JSON objects in bodies and stream events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from otel_llm.formats.reading import UNREADABLE, mapping, rows


def decoded(data: bytes) -> Mapping[str, Any]:
    """The object; empty if the data are none."""
    return mapping(_value(data))


def documents(data: bytes) -> list[Mapping[str, Any]]:
    """The objects of an array, or the one object."""
    found = _value(data)
    single = mapping(found)
    return [single] if single else rows(found)


def _value(data: bytes) -> object:
    try:
        return msgspec.json.decode(data)
    except UNREADABLE:
        return None
