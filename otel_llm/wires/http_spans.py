"""HTTP child spans of LLM calls, by opentelemetry-instrumentation-httpx, on the clients that carry them (opt-in).

Only requests that belong to a call get one: other traffic on the same client is sent with HTTP instrumentation
suppressed, unless the app instruments httpx itself, in which case we leave everything to it. Facts:
opentelemetry-instrumentation-httpx 0.66b2, which has an instrumentor for httpx and one for httpx2.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from types import MethodType
from typing import Any, Final
from weakref import WeakSet

from opentelemetry.instrumentation.utils import suppress_http_instrumentation
from opentelemetry.trace import Span, Status, StatusCode, Tracer, TracerProvider, get_tracer_provider

from otel_llm import runtime
from otel_llm.guard import guarded
from otel_llm.runtime import Runtime
from otel_llm.wires.redaction import clean

INSTRUMENTORS: Final = {"httpx": "HTTPXClientInstrumentor", "httpx2": "HTTPX2ClientInstrumentor"}

_lock = threading.Lock()
_ours: WeakSet[Any] = WeakSet()
"""Clients that we instrumented."""
_NOTHING: Final = nullcontext()


def instrument(client: Any, library: str) -> None:
    """Has the client's next requests give HTTP spans, if the settings ask for it and nobody else does it."""
    active = runtime.current()
    if active is not None and active.settings.http_spans:
        _instrument(active, client, library)


@guarded("http_spans.instrument")
def _instrument(active: Runtime, client: Any, library: str) -> None:
    instrumentor = _instrumentor(library)
    with _lock:
        if instrumentor().is_instrumented_by_opentelemetry:
            if client in _ours:
                _take_off(client, instrumentor)
                _ours.discard(client)
            return
        if client not in _ours and not getattr(client, "_is_instrumented_by_opentelemetry", False):
            given = active.recorder.pipeline.tracer_provider() or get_tracer_provider()
            instrumentor.instrument_client(client, tracer_provider=RedactingTracerProvider(given))
            _ours.add(client)


def restore() -> None:
    """Takes HTTP instrumentation off every client that we put it on."""
    with _lock:
        for client in list(_ours):
            library = "httpx2" if type(client).__module__.partition(".")[0] == "httpx2" else "httpx"
            for kind in type(client).__mro__:
                root = kind.__module__.partition(".")[0]
                library = root if root in INSTRUMENTORS else library
            _take_off(client, _instrumentor(library))
        _ours.clear()


def _take_off(client: Any, instrumentor: Any) -> None:
    """Undoes ``instrument_client``. That leaves a bound method on each transport, which would hide the class's own from
    an app that instruments the whole library later."""
    instrumentor.uninstrument_client(client)
    for transport in (client._transport, *client._mounts.values()):
        for name in ("handle_request", "handle_async_request"):
            method = getattr(transport, "__dict__", {}).get(name)
            if isinstance(method, MethodType) and method.__self__ is transport:
                delattr(transport, name)


def quiet(client: Any) -> AbstractContextManager[Any]:
    """Around a request that is no LLM call: no HTTP span, if it is only we who would make one."""
    return suppress_http_instrumentation() if _ours and _instrumented(client) else _NOTHING


@guarded("http_spans.quiet")
def _instrumented(client: Any) -> bool:
    return client in _ours


def forked() -> None:
    """In a forked child: whoever held the lock is not here to let it go."""
    global _lock
    _lock = threading.Lock()


def _instrumentor(library: str) -> Any:
    # Imported at first use: it imports httpx and httpx2 where they are installed, which only the app may cause.
    return getattr(importlib.import_module("opentelemetry.instrumentation.httpx"), INSTRUMENTORS[library])


class RedactingTracerProvider(TracerProvider):
    """Takes secrets out of a span's attributes before it starts, so that no processor and no sampler sees them, and
    keeps an exception's words off it."""

    def __init__(self, inner: TracerProvider) -> None:
        self._inner = inner

    def get_tracer(self, *args: Any, **kwargs: Any) -> Tracer:
        return _RedactingTracer(self._inner.get_tracer(*args, **kwargs))


class _RedactingTracer(Tracer):
    def __init__(self, inner: Tracer) -> None:
        self._inner = inner

    def start_span(self, *args: Any, attributes: Mapping[str, Any] | None = None, **kwargs: Any) -> Span:
        return self._inner.start_span(*args, attributes=clean(attributes), **kwargs)

    @contextmanager
    def start_as_current_span(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, *args: Any, attributes: Mapping[str, Any] | None = None, **kwargs: Any
    ) -> Generator[Span]:
        quiet = {**kwargs, "record_exception": False, "set_status_on_exception": False}
        with self._inner.start_as_current_span(*args, attributes=clean(attributes), **quiet) as span:
            try:
                yield span
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__qualname__))
                raise
