"""The HTTP libraries: one row each. Their seams see every request, and join the call that a client seam opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from otel_llm.patching import Patches
from otel_llm.wires import aiohttp_wire, botocore_events, botocore_wire, httpx_wire, requests_wire

WIRES: Final[dict[str, Callable[[Any, Patches], None]]] = {
    "httpx": httpx_wire.patch,
    "httpx2": httpx_wire.patch,
    "requests.sessions": requests_wire.patch,
    "aiohttp.client": aiohttp_wire.patch,
    "botocore.httpsession": botocore_wire.patch,
    "botocore.eventstream": botocore_events.patch,
    "aiobotocore.eventstream": botocore_events.patch_async,
}
"""Module of each library, and how it is patched."""
