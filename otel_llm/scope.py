"""The time during which an SDK's function runs for a call: its span is current, its attempts find it."""

from __future__ import annotations

from contextvars import Token
from types import TracebackType

from opentelemetry import context, trace

from otel_llm.call import CURRENT, Call
from otel_llm.guard import guarded


class Scope:
    """``with Scope(call): return wrapped(...)``, around the plain call and around the ``await`` alike.

    Leaving it tells the call how the SDK function ended. Nothing is held over a ``yield``: a stream that the user
    iterates later runs in the user's own context.
    """

    __slots__ = ("_attached", "_call", "_token")

    def __init__(self, call: Call) -> None:
        self._call = call
        self._token: Token[Call | None] | None = None
        self._attached: Token[context.Context] | None = None

    def __enter__(self) -> Scope:
        self._enter()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._exit()
        if error is None:
            _returned(self._call)
        else:
            _failed(self._call, error)

    @guarded("scope.enter")
    def _enter(self) -> None:
        self._token = CURRENT.set(self._call)
        if self._call.span is not None:
            self._attached = context.attach(trace.set_span_in_context(self._call.span))

    @guarded("scope.exit")
    def _exit(self) -> None:
        # A coroutine that was dropped half-way is closed in another context, where our tokens are not valid.
        if CURRENT.get() is not self._call:
            return
        if self._token is not None:
            CURRENT.reset(self._token)
        if self._attached is not None:
            context.detach(self._attached)


@guarded("call.returned")
def _returned(call: Call) -> None:
    call.returned()


@guarded("call.failed")
def _failed(call: Call, error: BaseException) -> None:
    call.failed(error)
