"""Where an event of a botocore stream is an error: the call ends there, not when the app lets go of the stream.

The error is raised out of ``EventStream``, which keeps its half-read body for as long as the app keeps it, often as
long as the exception. Facts: botocore 1.35 to 1.44, aiobotocore 2.15 to 3.10, whose class has got a coroutine for it.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

from otel_llm.guard import guarded
from otel_llm.patching import Patches
from otel_llm.wires import aiohttp_wire, exchange, urllib3_tee


def patch(module: ModuleType, patches: Patches) -> None:
    """Wraps ``EventStream._parse_event`` of ``botocore.eventstream``."""
    patches.wrap(module.EventStream, "_parse_event", _parse)


def patch_async(module: ModuleType, patches: Patches) -> None:
    """Wraps ``AioEventStream._parse_event`` of ``aiobotocore.eventstream``."""
    if "_parse_event" in vars(module.AioEventStream):  # 2.15 has botocore's
        patches.wrap(module.AioEventStream, "_parse_event", _async_parse)


def _parse(wrapped: Callable[..., Any], stream: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return wrapped(*args, **kwargs)
    except BaseException as error:
        _failed(stream, error)
        raise


async def _async_parse(wrapped: Callable[..., Any], stream: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        return await wrapped(*args, **kwargs)
    except BaseException as error:
        _failed(stream, error)
        raise


@guarded("wire.finish")
def _failed(stream: Any, error: BaseException) -> None:
    raw = stream._raw_stream
    attempt = urllib3_tee.attempt_of(raw) or aiohttp_wire.attempt_of(raw)
    if attempt is not None:
        exchange.finish(attempt, "failed", error)
