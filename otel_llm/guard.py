"""The one guard between our code and the app: what fails in here is counted, logged once per place, and forgotten.

Every step of ours on the call path is wrapped by :func:`guarded`. A step that fails whatever the data, because what it
needs is broken (an exporter, a file), is wrapped by :func:`breaker`: one that keeps failing is switched off, so
that a defect costs the app nothing but the telemetry. A step that ends something, or that reads what a peer sent, has
no breaker: switched off, it would leak every call, or let one peer's bodies blind us to all others.
"""

from __future__ import annotations

import functools
import inspect
import logging
import traceback
from collections import deque
from collections.abc import Callable
from types import CodeType
from typing import Any, Final, ParamSpec, TypeVar

from otel_llm import garbage

P = ParamSpec("P")
R = TypeVar("R")

logger: Final = logging.getLogger("otel_llm")

BREAKER_LIMIT: Final = 100
"""Failures in a row after which a step is switched off until the next ``instrument()``."""


class Site:
    """One guarded place: how often it failed, and whether it still runs."""

    __slots__ = ("breaks", "failures", "in_a_row", "name", "open")

    def __init__(self, name: str) -> None:
        self.name = name
        self.failures = 0
        self.in_a_row = 0
        self.breaks = False
        """Whether it is switched off when it keeps failing."""
        self.open = False

    def count(self) -> None:
        """Counts a failure that was logged by whoever saw it."""
        self.failures += 1

    def note(self, error: BaseException, args: tuple[object, ...] = ()) -> None:
        """Counts a failure of a step with these arguments; logs the first one with its trace, and the opening of
        the breaker. Never raises."""
        global _last
        self.failures += 1
        self.in_a_row += 1
        _last = self, type(error)
        try:
            if args and (client := _client_of(args)):
                _last_of[client] = _last
        except Exception:  # noqa: S110 - out of stack, or an object that cannot be asked
            pass
        if self.failures == 1:
            try:
                place = where(error)
            except Exception:  # out of stack
                place = type(error).__qualname__
            _unsaid.append(("otel-llm: internal error in %s; calls are not affected\n%s", self.name, place))
        if self.breaks and self.in_a_row == BREAKER_LIMIT:
            self.open = True
            _unsaid.append(("otel-llm: %s failed %d times in a row and is switched off", self.name, BREAKER_LIMIT))
        if _unsaid:
            try:  # noqa: SIM105 - suppress() is a call more, where the stack may be used up
                tell()
            except Exception:  # noqa: S110 - it is told later
                pass


def tell() -> None:
    """Logs what could not be logged when it happened: inside the garbage collector, out of stack, logging broken."""
    while _unsaid and not garbage.collecting():
        try:
            said = _unsaid.popleft()
        except IndexError:  # another thread was faster
            return
        try:
            logger.warning(*said)
        except Exception:
            _unsaid.appendleft(said)
            return


def where(error: BaseException) -> str:
    """An error's types and places, without its words, which may quote a prompt or a key (``int("my prompt")`` does).

    That is why no ``exc_info`` is logged either: error trackers read the variables of its frames.
    """
    lines: list[str] = []
    link: BaseException | None = error
    while link is not None and len(lines) < _TRACE_LINES:
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}, raised by")
        for frame in traceback.extract_tb(link.__traceback__)[-_TRACE_FRAMES:]:
            lines.append(f"  {frame.filename}:{frame.lineno} {frame.name}")
        link = link.__cause__ or link.__context__
    return "\n".join(lines)


_TRACE_FRAMES: Final = 12
_TRACE_LINES: Final = 40
_sites: Final[dict[str, Site]] = {}
_last: tuple[Site, type[BaseException]] | None = None
_last_of: Final[dict[str, tuple[Site, type[BaseException]]]] = {}
"""By client (distribution), where it is known."""
_unsaid: Final[deque[tuple[object, ...]]] = deque(maxlen=64)
"""What is to be logged: format and arguments."""


def site(name: str) -> Site:
    """The site of that name, made when first asked for."""
    return _sites.setdefault(name, Site(name))


def failures() -> dict[str, int]:
    """Internal errors by site since the process began."""
    return {name: found.failures for name, found in list(_sites.items())}


def last_failing() -> list[str]:
    """Names of the sites that failed, the most failing first."""
    return sorted((s for s, n in failures().items() if n), key=lambda s: -_sites[s].failures)


def last_error(client: str | None = None) -> str | None:
    """Place and type of the last internal error, of one client if given, without its words; ``None`` if there was
    none."""
    last = _last if client is None else _last_of.get(client)
    if last is None:
        return None
    place, kind = last
    return f"{place.name}: {kind.__module__}.{kind.__qualname__}"


def close_breakers() -> None:
    """Lets every switched-off step run again."""
    for found in list(_sites.values()):
        found.open, found.in_a_row = False, 0


def forget() -> None:
    """In a forked child: what failed so far is in the parent's count."""
    _unsaid.clear()
    for found in list(_sites.values()):
        found.failures = 0


def _client_of(args: tuple[object, ...]) -> str | None:
    """Whose step it was: a row of the client table, a call, or an attempt is one of its first arguments."""
    for given in args[:2]:
        for name in ("package", "client"):
            if isinstance(found := getattr(getattr(given, "call", given), name, None), str):
                return found
    return None


def guarded(name: str) -> Callable[[Callable[P, R]], Callable[P, R | None]]:
    """Makes a function safe to call from the app's path: it returns ``None`` instead of raising an ``Exception``.

    ``KeyboardInterrupt`` and its like pass: they are meant for the app.
    """
    place = site(name)

    def wrap(function: Callable[P, R]) -> Callable[P, R | None]:
        return _safe(function, place)

    return wrap


def breaker(name: str) -> Callable[[Callable[P, R]], Callable[P, R | None]]:
    """As :func:`guarded`, for a step that is switched off after :data:`BREAKER_LIMIT` failures in a row."""
    site(name).breaks = True
    return guarded(name)


def _safe(function: Callable[P, R], place: Site) -> Callable[P, R | None]:
    """The guard itself, with the function's own parameters: through ``*args, **kwargs`` CPython 3.11 makes a tuple, a
    dict and a C frame for each call of each step, three times the cost of the guard."""
    code: CodeType | None = getattr(function, "__code__", None)
    if code is None or code.co_kwonlyargcount or code.co_flags & _VARIADIC or getattr(function, "__defaults__", None):
        given, passed = "*args, **kwargs", "args"
    else:
        given = ", ".join(code.co_varnames[: code.co_argcount])
        passed = f"({given},)" if given else "()"
    make = _maker(_BREAKER if place.breaks else _GUARD, given, passed)
    return functools.wraps(function)(make(function, place))


_VARIADIC: Final = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS
_GUARD: Final = """
def make(_function, _place):
    def safe({given}):
        try:
            return _function({given})
        except Exception as _error:
            _place.note(_error, {passed})
            return None
    return safe
"""
_BREAKER: Final = """
def make(_function, _place):
    def safe({given}):
        if _place.open:
            return None
        try:
            _result = _function({given})
        except Exception as _error:
            _place.note(_error, {passed})
            return None
        if _place.in_a_row:
            _place.in_a_row = 0
        return _result
    return safe
"""


@functools.lru_cache
def _maker(source: str, given: str, passed: str) -> Callable[[Callable[..., Any], Site], Callable[..., Any]]:
    """Makes guards of functions with such parameters; ``passed`` is the tuple of their values."""
    made: dict[str, Any] = {}
    exec(compile(source.format(given=given, passed=passed), f"{__file__}, compiled", "exec"), made)
    return made["make"]
