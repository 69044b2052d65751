"""Whose fault is it? From status, provider's error code and type, and exception to an outcome and an error class.

The order: what the provider's error states (detail, code, type), the HTTP status, generic types, the exception; then
the words of the message where none of them tells. The tables are :mod:`otel_llm.faults`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

import msgspec

from otel_llm import guard
from otel_llm.catalog import ErrorClass, Outcome
from otel_llm.faults import CODES, EXCEPTIONS, GENERIC, PHASES, STATUS_RULES, STATUSES, VAGUE, WORDS, Phase
from otel_llm.formats.facts import Facts

_DEPTH: Final = 8
"""Causes of an exception that are looked at."""
_defects: Final = guard.site("failures.conclude")


class End(msgspec.Struct, frozen=True):
    """How a call or an attempt ended: outcome, and for an error its class and ``error.type``."""

    outcome: Outcome
    error_class: ErrorClass | None = None
    error_type: str | None = None
    phase: Phase | None = None
    """What a time-out waited for, where the exception tells."""


SUCCESS: Final = End("success")


def error_class(status: int | None, facts: Facts, error: BaseException | None) -> ErrorClass:
    """The class of an error. The provider's own words come first, then the status, then the exception."""
    status = _stated_status(status, facts)
    found = _by_code(facts, status) or _by_status(status) or _generic(facts)
    if found is not None:
        return _by_words(found, facts)
    return _by_exception(error) or ("provider" if facts.failed() else "unknown")


def _stated_status(status: int | None, facts: Facts) -> int | None:
    """Inside a 200 (a stream, OpenRouter), an error code that is an HTTP status is one."""
    code = facts.error_code
    if (status is None or status < 400) and code is not None and len(code) == 3 and code.isdecimal():
        return int(code)
    return status


def _by_code(facts: Facts, status: int | None) -> ErrorClass | None:
    for word in _stated(facts):
        found = CODES.get(word.lower())
        if found is not None:
            return STATUS_RULES.get(status, found) if status is not None and found in VAGUE else found
    return None


def _by_status(status: int | None) -> ErrorClass | None:
    if status is None or status < 400:
        return None
    other: ErrorClass = "provider" if status >= 500 else "bad_request"
    return STATUSES.get(status, other)


def _generic(facts: Facts) -> ErrorClass | None:
    return next((GENERIC[word.lower()] for word in _stated(facts) if word.lower() in GENERIC), None)


def _stated(facts: Facts) -> Iterator[str]:
    """What the error says of itself, the most telling first."""
    yield from filter(None, (facts.error_detail, facts.error_code, facts.error_type))


def _by_words(found: ErrorClass, facts: Facts) -> ErrorClass:
    said = f"{facts.error_detail or ''} {facts.error_message or ''}".lower()
    for row in WORDS:
        if found in row.of and row.words in said:
            return row.becomes
    return found


def _by_exception(error: BaseException | None) -> ErrorClass | None:
    for cause in _causes(error):
        for kind in type(cause).__mro__:
            if (found := EXCEPTIONS.get(kind.__name__)) is not None:
                beneath = _by_exception(cause.__cause__) if found == "network" else None
                return "timeout" if beneath == "timeout" else found
    return None


def _phase(error: BaseException | None) -> Phase | None:
    kinds = (kind.__name__ for cause in _causes(error) for kind in type(cause).__mro__)
    return next((PHASES[name] for name in kinds if name in PHASES), None)


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The exception and what it was raised from, outermost first."""
    for _ in range(_DEPTH):
        if error is None:
            return
        yield error
        # Not by truth: an exception of the app's own may have a length.
        error = error.__cause__ if error.__cause__ is not None else error.__context__


def error_type(status: int | None, facts: Facts, error: BaseException | None) -> str:
    """``error.type``: the provider's code if it is one that we know (a bounded set), else the exception's qualified
    name, else the status."""
    for word in _stated(facts):
        if word.lower() in CODES or word.lower() in GENERIC:
            return word
    if error is not None:
        kind = type(error)
        return kind.__qualname__ if kind.__module__ == "builtins" else f"{_package(kind)}.{kind.__qualname__}"
    return str(status) if status is not None and status >= 400 else "_OTHER"


def _package(kind: type) -> str:
    """Public home of an SDK's exception: ``openai._exceptions`` is ``openai``."""
    return ".".join(part for part in kind.__module__.split(".") if not part.startswith("_"))


class Exchange(Protocol):
    """What is known of an attempt when it ends."""

    @property
    def status(self) -> int | None: ...
    @property
    def facts(self) -> Facts: ...
    @property
    def terminated(self) -> bool:
        """True for a stream whose format ends with an event of its own: without it the stream was cut."""
        ...


def conclude(how: str, error: BaseException | None, last: Exchange | None) -> End:
    """How an attempt ended, or a call whose ``last`` one it is (``None``: nothing was sent). Never raises.

    ``how`` is as in :meth:`otel_llm.attempt.Attempt.finish`, or ``returned``.
    """
    try:
        return _conclude(how, error, last)
    except Exception as defect:  # the app's exception may have properties that raise
        _defects.note(defect)
        return SUCCESS if error is None else End("error", "unknown", type(error).__name__)


def _conclude(how: str, error: BaseException | None, last: Exchange | None) -> End:
    status, facts = (last.status, last.facts) if last is not None else (None, Facts())
    if error is not None and not isinstance(error, Exception):
        return End("cancelled")  # asyncio's and trio's cancellation, KeyboardInterrupt, SystemExit
    if error is not None or (status or 0) >= 400 or facts.failed():
        kind = error_class(status, facts, error)
        return End("error", kind, error_type(status, facts, error), _phase(error) if kind == "timeout" else None)
    if last is None or facts.complete or facts.finish_reasons:
        return SUCCESS
    if how in ("closed", "dropped"):
        return End("abandoned")
    if last.terminated and facts.undecodable is None:
        return End("error", "network", "incomplete_stream")
    return SUCCESS
