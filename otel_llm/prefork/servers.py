"""Web servers whose workers end without ``atexit``: they get their last export before.

uvicorn (0.13 to 0.54) ends by raising again the signal that asked it to, which kills the process on the spot.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any, Final

from otel_llm import runtime
from otel_llm.guard import guarded
from otel_llm.patching import Patches

LAST_EXPORT: Final = 10.0
"""Seconds that the last export may take."""


def patch(module: ModuleType, patches: Patches) -> None:
    """``uvicorn.server``: :meth:`Server.shutdown` exports when it is through."""

    def wrapper(
        wrapped: Callable[..., Awaitable[Any]], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Awaitable[Any]:
        return _then_export(wrapped(*args, **kwargs))

    patches.wrap(module.Server, "shutdown", wrapper)


async def _then_export(shutdown: Awaitable[Any]) -> Any:
    try:
        return await shutdown
    finally:
        if runtime.current() is not None:
            await asyncio.to_thread(_export)


@guarded("servers.export")
def _export() -> None:
    active = runtime.current()
    if active is not None:
        active.recorder.abandon_open()
        active.recorder.pipeline.flush(LAST_EXPORT)
