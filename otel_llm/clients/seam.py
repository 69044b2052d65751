"""What client seams share: whether a call may start, and running the SDK's function inside it.

A seam is a wrapper around one method of an SDK. Which one depends on when the SDK sends: at once (:func:`plain`,
:func:`coroutine`), at the first ``next`` of a generator (:func:`lazy`, :func:`async_lazy`), or on entering a context
manager (:func:`entered`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from typing import Any, Final

from otel_llm import native, runtime
from otel_llm.call import Call, inside
from otel_llm.patching import Wrapper
from otel_llm.runtime import Runtime
from otel_llm.scope import Scope

Open = Callable[[Any, tuple[Any, ...], dict[str, Any]], Call | None]
"""Opens the call that a method call is, by its instance, args and kwargs; ``None`` if it is none. Never raises."""


def admitted() -> Runtime | None:
    """The runtime if a call may start here: instrumented, not inside another call, not observed by somebody else."""
    active = runtime.current()
    return None if active is None or inside() is not None or native.suppressed() else active


def provider(paths: Mapping[str, str], path: str, default: str) -> str:
    """The provider that a path tells by what it contains, for an SDK that speaks to two under any host."""
    for part, name in paths.items():
        if part in path:
            return name
    return default


def plain(open_call: Open) -> Wrapper:
    """Around a function that sends before it returns."""

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = open_call(instance, args, kwargs)
        if call is None:
            return wrapped(*args, **kwargs)
        with Scope(call):
            return wrapped(*args, **kwargs)

    return wrapper


def coroutine(open_call: Open) -> Wrapper:
    """Around a coroutine function that sends before it returns."""

    async def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        call = open_call(instance, args, kwargs)
        if call is None:
            return await wrapped(*args, **kwargs)
        with Scope(call):
            return await wrapped(*args, **kwargs)

    return wrapper


_END: Final = object()


def lazy(stream: Generator[Any, Any, Any], open_call: Callable[[], Call | None]) -> Generator[Any, Any, Any]:
    """A generator like ``stream``, which sends at its first ``next``: there the call starts, in the context that is
    current then. One that is never iterated is no call. The rest of the call is the wire seam's."""
    call = open_call()
    if call is None:
        return (yield from stream)
    with Scope(call):
        first = next(stream, _END)
    if first is _END:
        return None
    try:
        yield first
        return (yield from stream)
    finally:
        stream.close()


async def async_lazy(
    stream: AsyncGenerator[Any, Any], open_call: Callable[[], Call | None]
) -> AsyncGenerator[Any, Any]:
    """As :func:`lazy`, of an asynchronous generator."""
    try:
        call = open_call()
        if call is not None:
            with Scope(call):
                first = await anext(stream, _END)
            if first is _END:
                return
            yield first
        async for item in stream:
            yield item
    finally:
        await stream.aclose()


def entered(open_call: Open) -> Wrapper:
    """Around a function that gives a context manager which sends when it is entered."""

    def wrapper(wrapped: Callable[..., Any], instance: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return _Entered(wrapped(*args, **kwargs), lambda: open_call(instance, args, kwargs))

    return wrapper


class _Entered:
    """A context manager, sync or async, whose entering is the call."""

    __slots__ = ("_inner", "_open")

    def __init__(self, inner: Any, open_call: Callable[[], Call | None]) -> None:
        self._inner = inner
        self._open = open_call

    def __enter__(self) -> Any:
        call = self._open()
        if call is None:
            return self._inner.__enter__()
        with Scope(call):
            return self._inner.__enter__()

    def __exit__(self, *raised: Any) -> Any:
        return self._inner.__exit__(*raised)

    async def __aenter__(self) -> Any:
        call = self._open()
        if call is None:
            return await self._inner.__aenter__()
        with Scope(call):
            return await self._inner.__aenter__()

    async def __aexit__(self, *raised: Any) -> Any:
        return await self._inner.__aexit__(*raised)
