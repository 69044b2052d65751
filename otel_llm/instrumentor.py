"""``instrument()`` and ``uninstrument()``: putting the house together and taking it down again."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, Final, TypedDict, Unpack

from opentelemetry._logs import LoggerProvider
from opentelemetry.instrumentation.instrumentor import (
    BaseInstrumentor,
)
from opentelemetry.metrics import MeterProvider
from opentelemetry.trace import TracerProvider
from prometheus_client import Metric as Family
from prometheus_client.registry import Collector

from otel_llm import garbage, guard, native, runtime
from otel_llm.content.capture import Capturer, Redact
from otel_llm.exposition.endpoint import serve
from otel_llm.exposition.exposure import Exposure
from otel_llm.guard import logger
from otel_llm.patching import Patches
from otel_llm.prefork import hooks, processes
from otel_llm.prices.overrides import Overrides
from otel_llm.prices.pricing import PriceTable
from otel_llm.prices.refresh import Refresh
from otel_llm.seams import HOOKS
from otel_llm.settings import ContentMode, NativeSpans, Scrape, Semconv, Settings, load
from otel_llm.signals.pipeline import Pipeline
from otel_llm.signals.recorder import Recorder
from otel_llm.wires import http_spans


class SettingKeywords(TypedDict, total=False):
    """Keywords of :func:`instrument`; their meaning stands in :data:`otel_llm.settings.SPECS`."""

    disabled: bool | None
    scrape: Scrape | None
    scrape_host: str | None
    scrape_port: int | None
    scrape_certfile: str | None
    scrape_keyfile: str | None
    scrape_client_cafile: str | None
    scrape_users: str | None
    prefork_dir: str | None
    http_spans: bool | None
    native_spans: NativeSpans | None
    semconv: Semconv | None
    set_global: bool | None
    exit_timeout: float | None
    prices: str | None
    prices_refresh: str | None
    prices_refresh_seconds: int | None
    model_cap: int | None
    budget_day: float | None
    budget_month: float | None
    duplicates: bool | None
    attribution: str | None
    attribution_cap: int | None
    baggage_read: str | None
    baggage_write: str | None
    content: ContentMode | None
    content_limit: int | None


class Installed:
    """What one ``instrument()`` set up, to be taken down as a whole."""

    def __init__(
        self, settings: Settings, pipeline: Pipeline, recorder: Recorder, refresh: Refresh | None = None
    ) -> None:
        self.settings = settings
        self.pipeline = pipeline
        self.recorder = recorder
        self.refresh = refresh
        self._resting: Refresh | None = None
        """In a forked child that has made no call: the parent's, whose thread and locks are not here."""
        self.exposure = Exposure(
            settings,
            recorder.ledger,
            before=self.prepare,
            app_meters=lambda: pipeline.app_meters,
            serve=lambda quiet: serve(settings, quiet),
        )
        self._pid = os.getpid()
        self._arriving = False
        self._arrivals: Final[dict[int, threading.RLock]] = {}
        """One lock per process: at a fork past Python, a thread of the parent may hold the parent's."""
        recorder.attend, recorder.replaced = self.attend, self.exposure.replaced

    def prepare(self) -> None:
        """A collection begins."""
        self._settle()
        self.recorder.drain()

    def attend(self) -> None:
        """The first call begins."""
        self.recorder.attend = self._settle
        # Exit hooks run last in, first out: ours must come before those of providers that the app made meanwhile.
        atexit.unregister(_at_exit)
        atexit.register(_at_exit)
        self._settle()

    def _settle(self) -> None:
        """What a forked child has to do once is done now, and not where it forks for other purposes."""
        pid = os.getpid()
        if self._arriving or pid != self._pid:
            with self._arrivals.setdefault(pid, threading.RLock()):
                self._arrive()

    def forked(self) -> None:
        """In a forked child: what was counted and opened so far is the parent's."""
        self._pid, self._arriving = os.getpid(), True
        self._resting, self.refresh = self.refresh or self._resting, None
        guard.forget()
        http_spans.forked()
        self.recorder.forked()
        self.pipeline.forked()
        self.exposure.forked()

    @guard.guarded("fork.arrive")
    def _arrive(self) -> None:
        if os.getpid() != self._pid:  # forked past Python, as uWSGI does
            self.forked()
        if self._arriving:
            self.pipeline.renew()
            self.exposure.join()
            if self._resting is not None:
                self.refresh, self._resting = self._resting, None
                self.refresh.renew()
            hooks.at_worker_exit(_at_exit)
            self._arriving = False

    def close(self) -> None:
        """Ends what is open, exports what is held, and frees port, registry and threads; each whatever became of the
        others."""
        if os.getpid() != self._pid:
            self.forked()
        every(
            "close",
            self.refresh.stop if self.refresh is not None else None,
            self.recorder.abandon_open,
            *self.exposure.closing(),
            self.pipeline.shutdown,
        )


def every(place: str, *steps: Callable[[], object] | None) -> None:
    """Takes each of the steps, whatever becomes of the others; failures are counted at that place."""
    for step in steps:
        try:
            if step is not None:
                step()
        except Exception as error:
            guard.site(place).note(error)


_lock = threading.RLock()
_patches: Final = Patches()
_installed: Installed | None = None


def installed() -> Installed | None:
    """What is set up now."""
    return _installed


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: LoggerProvider | None = None,
    redact: Redact | None = None,
    **settings: Unpack[SettingKeywords],
) -> None:
    """Observes every LLM call of this process from now on; before or after SDKs are imported and clients made.

    Providers that are passed in are used, else the app's global ones (set before or after), else ours from the
    ``OTEL_*`` environment; without any of them metrics are served for scraping on 127.0.0.1:9464. A second call changes
    nothing. Settings that are not given come from ``OTEL_LLM_*`` and ``OTEL_*``.

    Content (prompts, answers, tool arguments) is captured only if the setting ``content`` says so. ``redact`` then gets
    each call's :class:`otel_llm.Content` and gives back what may be exported, or ``None`` for nothing; if it raises,
    nothing of that call's content is. Events go to ``logger_provider``, else to the app's global one.

    :raises otel_llm.SettingError: for a setting that is unknown or has a value that is not allowed.
    """
    global _installed
    loaded = load(settings)
    for problem in loaded.problems:
        logger.warning("otel-llm: %s", problem)
    with _lock:
        if _installed is not None:
            logger.info("otel-llm: already instrumented; call uninstrument() first to change settings")
            return
        if loaded.settings.disabled:
            return
        guard.close_breakers()
        capturer = capturing(loaded.settings, redact, logger_provider)
        _installed = _install(loaded.settings, tracer_provider, meter_provider, capturer)
        hooks.watch(_before_fork, _forked)


def capturing(settings: Settings, redact: Redact | None, events: LoggerProvider | None) -> Capturer | None:
    """What captures content; ``None`` unless it is asked for."""
    if settings.content == "no_content":
        return None
    return Capturer(settings.content, settings.content_limit, redact, events)


def _install(
    settings: Settings, tracer: TracerProvider | None, meter: MeterProvider | None, capturer: Capturer | None
) -> Installed:
    pipeline = Pipeline(settings, tracer, meter, worker=lambda: processes.root().pid != os.getpid())
    table = prices(settings)
    recorder = Recorder(settings, pipeline, table)
    made = Installed(settings, pipeline, recorder, refreshing(settings, table))
    made.exposure.start()
    runtime.install(runtime.Runtime(settings, recorder, capturer))
    for hook in HOOKS:
        hook.arm(_patches, runtime.present)
    garbage.watch()
    atexit.register(_at_exit)
    return made


def prices(settings: Settings) -> PriceTable:
    """The packaged table under the user's overrides. A broken file is logged with its place and mend, and left out."""
    if settings.prices is None:
        return PriceTable()
    try:
        return PriceTable(overrides=Overrides.from_file(settings.prices))
    except (OSError, ValueError) as error:
        logger.error("otel-llm: price overrides are not used: %s", error)
        return PriceTable()


def refreshing(settings: Settings, table: PriceTable) -> Refresh | None:
    """What keeps the table current, started; ``None`` unless it is asked for. Failures are counted."""
    if settings.prices_refresh is None:
        return None
    seconds, failed = settings.prices_refresh_seconds, guard.site("prices.refresh")
    refresh = Refresh(table, settings.prices_refresh, interval=seconds, on_error=lambda _: failed.count())
    refresh.start()
    return refresh


def uninstrument() -> None:
    """Puts back what was there: methods, registry, port. Streams that are open go on undisturbed and unobserved."""
    global _installed
    with _lock:
        made, _installed = _installed, None
        active = runtime.current()
        if active is not None:
            active.enabled = False
        runtime.install(None)
        atexit.unregister(_at_exit)
        every(
            "uninstrument", _patches.restore, http_spans.restore, native.restore,
            made.close if made is not None else None, garbage.unwatch,
        )  # fmt: skip


@guard.guarded("fork.before")
def _before_fork() -> None:
    if _installed is not None:
        _installed.exposure.join()


@guard.guarded("fork.child")
def _forked() -> None:
    global _lock
    _lock = threading.RLock()
    if _installed is not None:
        _installed.forked()


def collector() -> Collector:
    """Our series as a prometheus_client collector, for an app that scrapes a registry of its own, such as one with a
    ``MultiProcessCollector``: ``registry.register(otel_llm.collector())``. The sum over all workers.

    Before ``instrument()`` and after ``uninstrument()`` it yields nothing. Registries that the app does not make, and
    ``prometheus_client.REGISTRY``, have our series already unless ``scrape`` is ``off``.
    """
    return _Current()


class _Current(Collector):
    """Whatever is installed when it is asked."""

    def describe(self) -> Iterable[Family]:
        return ()

    def collect(self) -> Iterator[Family]:
        if _installed is not None:
            _installed.exposure.expose()
            yield from _installed.exposure.collector.collect()


def flush(timeout: float = 10.0) -> bool:
    """Exports what our own providers hold, for short jobs and frozen functions.

    :param timeout: seconds to wait at most.
    :returns: False if time ran out.
    """
    made = _installed
    if made is None:
        return True
    made.recorder.drain()
    return made.pipeline.flush(timeout)


def _at_exit() -> None:
    try:
        uninstrument()
    except Exception as error:
        guard.site("exit").note(error)


class OtelLlmInstrumentor(BaseInstrumentor):
    """Entry point ``opentelemetry_instrumentor``: lets ``opentelemetry-instrument`` find us."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: SDKs are patched if and when the app imports them."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        kwargs.pop("skip_dep_check", None)
        instrument(**kwargs)

    def _uninstrument(self, **_: Any) -> None:
        uninstrument()
