"""Servers whose workers end without ``atexit``: they get their last export before.

uvicorn (0.13 to 0.54) ends by raising again the signal that asked it to, which kills the process on the spot; billiard
(4.2 and 4.3), celery's ``multiprocessing``, ends the workers of its pool by ``os._exit``.

celery (5.7) asks Linux to kill a worker when its parent dies, and Linux takes the thread that forked it for its parent.
Without an event loop (kombu's transport by a folder has none) that thread is the pool's supervisor, which replaces
recycled workers and ends within 0.8 s of a warm shutdown, while they still export.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any

from otel_llm import runtime
from otel_llm.guard import guarded, site
from otel_llm.patching import Patches


def patch(module: ModuleType, patches: Patches) -> None:
    """``uvicorn.server``: :meth:`Server.shutdown` exports when it is through."""

    def wrapper(
        wrapped: Callable[..., Awaitable[Any]], server: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Awaitable[Any]:
        return _then_export(server, wrapped(*args, **kwargs))

    patches.wrap(module.Server, "shutdown", wrapper)


def patch_pool(module: ModuleType, patches: Patches) -> None:
    """``billiard.pool``: a worker exports before it ends."""

    def wrapper(wrapped: Callable[..., Any], _: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        _outlive_parent()
        _export(ending=True)
        return wrapped(*args, **kwargs)

    patches.wrap(module.Worker, "_do_exit", wrapper)


@guarded("servers.export")
def _outlive_parent() -> None:
    """From here on the worker ends by itself, at the latest after ``exit_timeout``."""
    if sys.platform == "linux":
        sys.modules["billiard.util"].set_pdeathsig(0)


async def _then_export(server: Any, shutdown: Awaitable[Any]) -> Any:
    try:
        return await shutdown
    finally:
        if runtime.current() is not None:
            try:
                await asyncio.to_thread(_export, ending=ends_process(server))
            except Exception as error:
                site("servers.export").note(error)


def ends_process(server: Any) -> bool:
    """Whether the process ends with this server: a signal asked for it that kills, once it is raised again. A server
    among others, in a notebook or a test, is told to end by its ``should_exit``; after Ctrl-C there is ``atexit``."""
    captured: list[int] = getattr(server, "_captured_signals", [])
    return any(number != signal.SIGINT for number in captured)


@guarded("servers.export")
def _export(*, ending: bool) -> None:
    active = runtime.current()
    if active is not None:
        if ending:
            active.recorder.abandon_open()
        else:
            active.recorder.drain()
        active.recorder.pipeline.last_export()
