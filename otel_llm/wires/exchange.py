"""One exchange at a wire seam, whatever HTTP library carries it: joins the current call, or is a call of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from opentelemetry import context

from otel_llm import guard, headers, native, runtime
from otel_llm.attempt import Attempt
from otel_llm.call import Call, inside
from otel_llm.formats.facts import Format
from otel_llm.formats.table import recognise
from otel_llm.guard import guarded
from otel_llm.scope import Scope
from otel_llm.wires import baggage, recognition

_headers: Final = guard.site("wire.headers")


def begin(
    method: str, url: recognition.Url, content: recognition.Content, in_process: Callable[[], bool] = lambda: False
) -> Exchange | None:
    """A request is about to be sent: ``None`` if it is none of ours. ``content`` gives the request body if it is in
    memory; ``in_process`` tells whether the request goes to an app of this very process (a test client). The caller is
    the one who is guarded."""
    call = inside()
    if call is not None:  # its next attempt, or other traffic, such as fetching a token
        if method != "POST" or call.sending:  # or the transport beneath: aiohttp under httpx, a redirect of requests
            return None
        found = recognise(url.path, call.provider)
        if found is None and url.host != call.server_address:
            return None
        return Exchange(_attempt(call, call.format if found is None else found.format, content), None)
    active = runtime.current()
    if active is None or native.suppressed():
        return None
    call = recognition.open_call(active, method, url, content, in_process)
    return None if call is None else Exchange(_attempt(call, call.format, content), Scope(call))


def _attempt(call: Call, wire_format: Format, content: recognition.Content) -> Attempt:
    """The next attempt; the first one's body is what the call is known by."""
    duplicates = call.signals.duplicates
    if duplicates is not None and not call.attempts:
        call.fingerprint = duplicates.fingerprint(call.provider, call.request, content())
    return call.attempt(wire_format)


def responded(
    attempt: Attempt, status: int, found: Mapping[str, str], host: str | None, port: int | None, *,
    decoded: bool = False,
) -> None:  # fmt: skip
    """Status and headers (by lower-case name) arrived; ``host`` is where the request went in the end. ``decoded``: the
    library undoes the content encoding before we see the bytes. Whatever cannot be read of them, the body can."""
    call = attempt.call
    if host:
        call.server_address, call.server_port = host, port
    try:
        encoding = "" if decoded else found.get("content-encoding") or ""
        attempt.response(status, found.get("content-type") or "", encoding)
        attempt.request_id = headers.request_id(found)
        attempt.ratelimits = headers.rate_limits(found)
        if status >= 400:
            attempt.retry_after = headers.retry_after(found)
        if headers.COST in found:
            attempt.facts.cost = headers.cost(found)
        # formats.facts.ReadsHeaders; isinstance would cost microseconds
        read = getattr(attempt.format, "headers", None)
        if read is not None:
            read(found, attempt.facts)
    except Exception as defect:
        _headers.note(defect, (attempt,))


@guarded("wire.finish")
def finish(attempt: Attempt, how: str, error: BaseException | None = None) -> None:
    """The exchange is over; ``how`` is as in :meth:`Attempt.finish`."""
    attempt.finish(how, error)


class Reading:
    """Around the reading of a body, chunk by chunk: to its end, left by the reader, or broken."""

    __slots__ = ("_attempt",)

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if error is None:
            finish(self._attempt, "read")
        elif kind is GeneratorExit:
            finish(self._attempt, "closed")
        else:
            finish(self._attempt, "failed", error)


class Exchange(msgspec.Struct, eq=False):
    """The time during which the HTTP library sends an attempt. Left without a response, the attempt has failed."""

    attempt: Attempt
    _scope: Scope | None
    """Of the call, if the wire seam opened it: the only place where it shows (no client seam above)."""
    _withheld: baggage.Withheld | None = None

    def __enter__(self) -> Attempt:
        if self._scope is not None:
            self._scope.__enter__()
        current = context.get_current()
        if current:
            self._withheld = baggage.withhold(current)
        return self.attempt

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        if error is not None:
            finish(self.attempt, "failed", error)
        elif self.attempt.status is None:  # the response could not be looked at: nobody else will end this
            finish(self.attempt, "read")
        if self._withheld is not None:
            baggage.put_back(self._withheld)
        if self._scope is not None:
            self._scope.__exit__(kind, error, trace)
