"""JSON objects in bodies and stream events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from otel_llm.formats.reading import UNREADABLE, mapping


def decoded(data: bytes) -> Mapping[str, Any]:
    """The object; empty if the data are none."""
    try:
        return mapping(msgspec.json.decode(data))
    except UNREADABLE:
        return {}
