"""Opening a call from what is known of it before it is sent: client seams and wire seams do it alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from otel_llm import attributions
from otel_llm.call import Call
from otel_llm.formats.table import Recognised
from otel_llm.providers import billed_by
from otel_llm.runtime import Runtime

RAW: Final = "http"
"""Client of a call that no client seam saw, but an HTTP library's wire seam."""
SEEN: Final[Counter[str]] = Counter()
"""Calls opened by client since the process began, for ``status()``."""


def open_call(
    active: Runtime, found: Recognised, body: Mapping[str, Any], *, client: str, provider: str, host: str | None,
    port: int | None = None, stream: bool = False,
) -> Call:  # fmt: skip
    """A call, opened. ``provider`` is the client's own, which holds where the host does not tell (``billed_by``)."""
    request = found.format.request(body)
    request.model = request.model or found.model
    request.stream = request.stream or stream or bool(found.stream)
    SEEN[client] += 1
    call = Call(
        signals=active.recorder,
        client=client,
        provider=billed_by(host, provider),
        format=found.format,
        request=request,
        server_address=host or None,
        server_port=port,
        attribution=(attributions.current(active.settings) or ()) if active.settings.attribution else (),
    )
    if active.capturer is not None:
        call.content = active.capturer.begin(found.format, body)
    return call
