"""The time during which an SDK's function runs for a call: its span is current, its attempts find it."""

from __future__ import annotations

from contextvars import Token
from types import TracebackType
from typing import Final

import msgspec
from opentelemetry import context, trace

from otel_llm import guard
from otel_llm.call import CURRENT, Call

_enters: Final = guard.site("scope.enter")
_exits: Final = guard.site("scope.exit")
_ends: Final = guard.site("scope.end")


class Scope(msgspec.Struct, eq=False):
    """``with Scope(call): return wrapped(...)``, around the plain call and around the ``await`` alike. It guards itself
    in place: it is around each call, and a ``try`` costs nothing.

    Leaving it tells the call how the SDK function ended. Nothing is held over a ``yield``: a stream that the user
    iterates later runs in the user's own context.
    """

    _call: Call
    _token: Token[Call | None] | None = None
    _attached: Token[context.Context] | None = None

    def __enter__(self) -> Scope:
        try:
            self._token = CURRENT.set(self._call)
            if self._call.span is not None:
                self._attached = context.attach(trace.set_span_in_context(self._call.span))
        except Exception as defect:
            _enters.note(defect, (self._call,))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        call = self._call
        try:
            # A coroutine that was dropped half-way is closed in another context, where our tokens are not valid.
            if CURRENT.get() is call:
                if self._token is not None:
                    CURRENT.reset(self._token)
                if self._attached is not None:
                    context.detach(self._attached)
        except Exception as defect:
            _exits.note(defect, (call,))
        try:
            if error is None:
                call.returned()
            else:
                call.failed(error)
        except Exception as defect:
            _ends.note(defect, (call,))
