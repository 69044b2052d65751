"""The one guard between our code and the app: what fails in here is counted, logged once per place, and forgotten.

Every step of ours that runs on the call path is wrapped by :func:`guarded`. A step that keeps failing is switched off
(its breaker opens), so that a defect of ours costs the app nothing but the telemetry.
"""

from __future__ import annotations

import functools
import logging
import traceback
from collections.abc import Callable
from typing import Final, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

logger: Final = logging.getLogger("otel_llm")

BREAKER_LIMIT: Final = 100
"""Failures in a row after which a step is switched off until the next ``instrument()``."""


class Site:
    """One guarded place: how often it failed, and whether it still runs."""

    __slots__ = ("failures", "in_a_row", "name", "open")

    def __init__(self, name: str) -> None:
        self.name = name
        self.failures = 0
        self.in_a_row = 0
        self.open = False

    def count(self) -> None:
        """Counts a failure that was logged by whoever saw it."""
        self.failures += 1

    def note(self, error: BaseException, client: str | None = None) -> None:
        """Counts a failure, of a call of that client if given; logs the first one with its trace, and the opening of
        the breaker. Never raises."""
        global _last
        self.failures += 1
        self.in_a_row += 1
        _last = self, type(error)
        if client is not None:
            _last_of[client] = _last
        try:
            if self.failures == 1:
                logger.warning("otel-llm: internal error in %s; calls are not affected\n%s", self.name, where(error))
            if self.in_a_row == BREAKER_LIMIT:
                self.open = True
                logger.warning("otel-llm: %s failed %d times in a row and is switched off", self.name, BREAKER_LIMIT)
        except Exception:  # noqa: S110 - the app's logging is broken: there is nobody left to tell
            pass


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
        @functools.wraps(function)
        def safe(*args: P.args, **kwargs: P.kwargs) -> R | None:
            if place.open:
                return None
            try:
                result = function(*args, **kwargs)
            except Exception as error:
                place.note(error, _client_of(args))
                return None
            if place.in_a_row:
                place.in_a_row = 0
            return result

        return safe

    return wrap
