"""Whom a call is for: ``with otel_llm.attribution(feature="search", tenant="acme"):``, or the same as a decorator.

Keys are declared by the setting ``attribution``; values are cleaned, and capped per key. What holds here holds in every
call made in this context, over ``await`` and in tasks and ``asyncio.to_thread`` that start in it; a thread that the app
starts by itself has a context of its own. Inner values come on top of outer ones.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar, Token
from types import TracebackType
from typing import Any, Final, ParamSpec, TypeVar, cast

from opentelemetry import baggage, context

from otel_llm import catalog, runtime
from otel_llm.guard import guarded, logger
from otel_llm.settings import Settings, keys
from otel_llm.signals.labels import clean

P = ParamSpec("P")
R = TypeVar("R")

Values = Mapping[str, str]
_NOTHING: Final[Values] = {}


class _Level:
    """One ``with``: values that hold, the level around it, and the OpenTelemetry context that carries them as baggage.

    Levels are never changed: a task that was started inside keeps what held then."""

    __slots__ = ("attached", "carrying", "outer", "owner", "values")

    def __init__(self, owner: attribution, outer: _Level | None) -> None:
        self.owner = owner
        self.outer = outer
        merged = {**(outer.values if outer is not None else _NOTHING), **owner.values}
        self.values: Values = {key: value for key, value in merged.items() if value}
        self.carrying: context.Context | None = None
        self.attached: Token[context.Context] | None = None

    def enter(self) -> None:
        """From now on it holds."""
        _level.set(self)
        _carry(self)


_level: Final[ContextVar[_Level | None]] = ContextVar("otel_llm_attribution", default=None)


class attribution:  # noqa: N801 - used like a function
    """Attributes the calls made inside to the given keys and values. A context manager and a decorator; one object may
    be entered many times, by several tasks and threads at once.

    Values are turned into text; ``None`` takes a key away. Without ``instrument()``, or while no keys are declared,
    nothing happens.

    :raises TypeError: without a key, or on a generator function, which would leave its values to whoever iterates it.
    :raises ValueError: for a key that the setting ``attribution`` does not declare, if it declares any.
    """

    __slots__ = ("values",)

    def __init__(self, **values: object) -> None:
        if not values:
            raise TypeError('attribution() needs at least one key, as in attribution(feature="search")')
        self.values: Final[Mapping[str, str | None]] = {
            key: None if value is None else clean(str(value)) for key, value in values.items()
        }
        active = runtime.current()
        declared = keys(active.settings.attribution) if active is not None else ()
        unknown = [key for key in values if declared and key not in declared]
        if unknown:
            raise ValueError(
                f"attribution({unknown[0]}=...): not a declared key; the setting 'attribution' declares "
                f"{', '.join(declared)}"
            )

    def __enter__(self) -> attribution:
        _Level(self, _level.get()).enter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        # The innermost level need not be ours: a generator that holds a 'with' is closed inside of somebody else's.
        own, above = _level.get(), list[_Level]()
        while own is not None and own.owner is not self:
            above.append(own)
            own = own.outer
        if own is None:  # entered in another context
            return
        for level in (*above, own):
            _put_down(level)
        _level.set(own.outer)
        for level in reversed(above):
            _Level(level.owner, _level.get()).enter()

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """The function, with these values in force while it runs."""
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(f"attribution(): {function.__qualname__} is a generator; use 'with' around its calls")
        if inspect.iscoroutinefunction(function):
            awaited = cast("Callable[P, Awaitable[Any]]", function)

            @functools.wraps(function)
            async def asynchronous(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self:
                    return await awaited(*args, **kwargs)

            return cast("Callable[P, R]", asynchronous)

        @functools.wraps(function)
        def plain(*args: P.args, **kwargs: P.kwargs) -> R:
            with self:
                return function(*args, **kwargs)

        return plain


@guarded("attribution.carry")
def _carry(level: _Level) -> None:
    """Writes the allowed keys into the baggage, for the services that are called from here."""
    active = runtime.current()
    if active is None:
        return
    if not active.settings.attribution:
        _warn()
    declared = keys(active.settings.attribution)
    allowed = [key for key in keys(active.settings.baggage_write) if key in declared and key in level.values]
    if allowed:
        carrying = context.get_current()
        for key in allowed:
            carrying = baggage.set_baggage(catalog.attribution(key), level.values[key], carrying)
        level.carrying, level.attached = carrying, context.attach(carrying)


@guarded("attribution.carry")
def _put_down(level: _Level) -> None:
    # A generator's 'with' may end in another context, where our token is not valid.
    if level.attached is not None and context.get_current() is level.carrying:
        context.detach(level.attached)


@functools.cache
def _warn() -> None:
    logger.warning(
        "otel-llm: attribution() has no effect: no keys are declared. Declare them by instrument(attribution='feature,"
        "tenant') or OTEL_LLM_ATTRIBUTION"
    )


@guarded("attribution.current")
def current(settings: Settings) -> tuple[tuple[str, str], ...]:
    """Declared keys and their values in this context, in the order of the setting; what came as baggage is used where
    the app says nothing itself, for the keys that ``baggage_read`` allows."""
    if not settings.attribution:
        return ()
    level = _level.get()
    values = level.values if level is not None else _NOTHING
    readable = keys(settings.baggage_read)
    found: list[tuple[str, str]] = []
    for key in keys(settings.attribution):
        value = values.get(key) or (_from_baggage(key) if key in readable else "")
        if value:
            found.append((key, value))
    return tuple(found)


def _from_baggage(key: str) -> str:
    found = baggage.get_baggage(catalog.attribution(key))
    return clean(found) if isinstance(found, str) else ""
