"""Where spans and metrics go: the providers that were passed in, else the app's, else ours from ``OTEL_*``.

Nothing global is replaced. Providers of ours exist only while the app has none: when it sets its own, before or after
``instrument()``, we move over and shut ours down.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias

from opentelemetry import metrics, trace
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import Tracer, TracerProvider

from otel_llm.catalog import SCOPE
from otel_llm.guard import breaker, guarded
from otel_llm.settings import Settings
from otel_llm.signals.aside import Aside, Hands, bounded
from otel_llm.signals.instruments import Instruments
from otel_llm.signals.ledger import Ledger
from otel_llm.signals.own_providers import Environment, OwnMeterProvider, OwnTracerProvider
from otel_llm.version import __version__

OwnProvider: TypeAlias = OwnTracerProvider | OwnMeterProvider
LAST_TRY: Final = 2.0
"""Seconds that the last export may take from the app's exit where exports are known to fail: a collector that is silent
costs each deployment so much."""


class Pipeline:
    """The tracer and the instruments in use."""

    def __init__(
        self, settings: Settings, tracer_provider: TracerProvider | None, meter_provider: MeterProvider | None,
        *, worker: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        """``worker`` tells whether this process is one of several of its app."""
        self._settings: Final = settings
        self._environment: Final = Environment(worker)
        self._lock = threading.RLock()
        self._given_meter: Final = meter_provider
        self._own_tracer: Any = None
        self._own_meter: Any = None
        self._stale = False
        """True in a forked child that still has the meter provider of its parent."""
        self._leaving: list[Aside] = []
        """Shutdowns of providers of ours that the app's have replaced."""
        self._instruments: Instruments | None = None
        self._instruments_of: MeterProvider | None = None
        self._ledger: Ledger | None = None
        if tracer_provider is None:
            trace.get_tracer_provider()  # sets the one that the environment names (OTEL_PYTHON_TRACER_PROVIDER)
            if app_tracer_provider() is None:
                self._own_tracer = self._environment.tracer_provider()
        if meter_provider is None:
            metrics.get_meter_provider()
            if app_meter_provider() is None:
                self._own_meter = self._environment.meter_provider()
        self._hands = Hands(len(self._own()))
        if settings.set_global:
            self._register()
        self._given_tracer: Final = tracer_provider
        source = tracer_provider or self._own_tracer
        self._tracer = source.get_tracer(SCOPE, __version__) if source else trace.get_tracer(SCOPE, __version__)

    def tracer(self) -> Tracer | None:
        """The tracer to use now, ``None`` while there is no provider whose spans anybody would see."""
        if self._given_tracer is None:
            app = app_tracer_provider()
            if app is None and self._own_tracer is None:
                return None
            if self._own_tracer is not None and app not in (None, self._own_tracer):
                self._leave_own_tracer()
        return self._tracer

    def tracer_provider(self) -> TracerProvider | None:
        """Given, else our own, else ``None``: the app's."""
        return self._given_tracer or self._own_tracer

    def attach(self, ledger: Ledger) -> None:
        """Makes the instruments, now that there is a ledger to observe."""
        self._ledger = ledger
        self.instruments()

    def instruments(self) -> Instruments | None:
        """The instruments on the meter provider in use: given, else the app's, else our own; ``None`` while there is
        none."""
        provider = self._given_meter or app_meter_provider() or self._own_meter
        if provider is not self._instruments_of:
            self._move(provider)
        return self._instruments

    @property
    def app_meters(self) -> bool:
        """True if metrics go to a provider that is not ours."""
        return (self._given_meter or app_meter_provider()) not in (None, self._own_meter)

    def destinations(self) -> tuple[str, str]:
        """Where spans and metrics go, in words."""
        spans = (
            "the TracerProvider that instrument() was given" if self._given_tracer
            else "the app's TracerProvider" if app_tracer_provider() not in (None, self._own_tracer)
            else "our exporters, as the OTEL_* environment says" if self._own_tracer
            else "nowhere: there is no TracerProvider, and no OTLP endpoint in the environment"
        )  # fmt: skip
        metrics = (
            "the MeterProvider that instrument() was given" if self._given_meter
            else "the app's MeterProvider" if app_meter_provider() not in (None, self._own_meter)
            else "our exporters, as the OTEL_* environment says" if self._own_meter
            else "the scrape alone"
        )  # fmt: skip
        return spans, metrics

    def flush(self, timeout: float) -> bool:
        """Exports what our own providers hold. ``timeout`` in seconds; False if it ran out."""
        milliseconds = max(int(timeout * 1000), 1)
        steps = [Aside(lambda provider=provider: provider.force_flush(milliseconds)) for provider in self._own()]
        return bounded(steps, self._hands, timeout, self._leaving)

    def last_export(self) -> None:
        """Exports what our own providers hold, before an end of the app that is not told to :meth:`shutdown`."""
        self._at_exit(lambda provider: provider.force_flush())

    def forked(self) -> None:
        """In a forked child: sends nothing of the parent's, and takes no lock that a thread of the parent may hold."""
        self._lock = threading.RLock()
        self._leaving = []
        self._hands = Hands(0)
        if self._own_meter is not None:
            self._stale = not self._settings.set_global
            if self._stale:
                self._own_meter.mute()

    def renew(self) -> None:
        """In a forked child: a meter provider of its own, so that sums begin at 0 under a service.instance.id of its
        own. The tracer provider goes on: the SDK gives it a new thread and id, and we a new exporter."""
        self._hands = Hands(len(self._own()))
        if self._stale:
            self._stale = False
            old, self._own_meter = self._own_meter, self._environment.meter_provider()
            Aside(old.shutdown).begin(self._hands)
            self.instruments()
        if self._own_tracer is not None:
            self._own_tracer.renew(self._environment.resource())

    def shutdown(self) -> None:
        """Shuts down the providers that we made, and no others."""
        self._at_exit(lambda provider: provider.shutdown())
        self._hands.dismiss()
        self._own_tracer = self._own_meter = None

    def _at_exit(self, step: Callable[[OwnProvider], Any]) -> None:
        """Takes the step with each provider of ours, as long as the end of the app may wait."""
        timeout = self._settings.exit_timeout
        steps = [
            Aside(lambda provider=provider: step(provider), LAST_TRY if provider.failing else timeout)
            for provider in self._own()
        ]
        bounded(steps, self._hands, timeout, self._leaving)

    def _own(self) -> list[OwnProvider]:
        return [provider for provider in (self._own_tracer, self._own_meter) if provider is not None]

    @breaker("signals.meter")
    def _move(self, provider: MeterProvider | None) -> None:
        with self._lock:
            if provider is self._instruments_of or self._ledger is None:
                return
            self._instruments_of, self._instruments = provider, None
            self._instruments = provider and Instruments(
                provider.get_meter(SCOPE, __version__), self._ledger, self._settings.semconv
            )
            if provider is not None and self._own_meter not in (None, provider):
                own, self._own_meter = self._own_meter, None
                self._leave(own)

    @guarded("signals.tracer")
    def _leave_own_tracer(self) -> None:
        with self._lock:
            own, self._own_tracer = self._own_tracer, None
            self._tracer = trace.get_tracer(SCOPE, __version__)
        if own is not None:
            self._leave(own)

    def _leave(self, own: Any) -> None:
        """Shuts down a provider of ours, aside: a call of the app is under way, and must not wait for a collector."""
        leaving = Aside(own.shutdown)
        self._leaving.append(leaving)
        leaving.begin(self._hands)

    def _register(self) -> None:
        if self._own_tracer is not None:
            trace.set_tracer_provider(self._own_tracer)
        if self._own_meter is not None:
            metrics.set_meter_provider(self._own_meter)


_TRACE: Final = trace.get_tracer_provider.__globals__
_METRICS: Final = metrics.get_meter_provider.__globals__
"""Where the API's own variables tell that there is no global provider: its functions would look into the environment
each time, which costs a call 3 us (opentelemetry-api 1.44 to 1.45)."""


def app_tracer_provider() -> TracerProvider | None:
    """The global TracerProvider if the app has set one."""
    if _TRACE.get("_TRACER_PROVIDER", _TRACE) is None:
        return None
    found = trace.get_tracer_provider()
    return None if isinstance(found, trace.ProxyTracerProvider) else found


def app_meter_provider() -> MeterProvider | None:
    """The global MeterProvider if the app has set one."""
    if _METRICS.get("_METER_PROVIDER", _METRICS) is None:
        return None
    found = metrics.get_meter_provider()
    # The metrics API (1.38 to 1.45) has the proxy class, but does not export it.
    return None if type(found).__name__ == "_ProxyMeterProvider" else found
