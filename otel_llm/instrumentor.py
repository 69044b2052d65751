"""``instrument()`` and ``uninstrument()``: putting the house together and taking it down again."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Collection
from typing import Any, Final, TypedDict, Unpack

from opentelemetry.instrumentation.instrumentor import (
    BaseInstrumentor,
)
from opentelemetry.metrics import MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.trace import TracerProvider
from prometheus_client import REGISTRY

from otel_llm import garbage, guard, runtime
from otel_llm.clients.table import CLIENTS
from otel_llm.exposition.collector import LedgerCollector
from otel_llm.exposition.endpoint import Endpoint, serve
from otel_llm.guard import logger
from otel_llm.patching import Hook, Patches
from otel_llm.prices.overrides import Overrides
from otel_llm.prices.pricing import PriceTable
from otel_llm.settings import NativeSpans, Scrape, Semconv, Settings, load
from otel_llm.signals.pipeline import Pipeline
from otel_llm.signals.recorder import Recorder
from otel_llm.wires import http_spans
from otel_llm.wires.table import WIRES


class SettingKeywords(TypedDict, total=False):
    """Keywords of :func:`instrument`; their meaning stands in :data:`otel_llm.settings.SPECS`."""

    disabled: bool | None
    scrape: Scrape | None
    scrape_host: str | None
    scrape_port: int | None
    http_spans: bool | None
    native_spans: NativeSpans | None
    semconv: Semconv | None
    set_global: bool | None
    prices: str | None
    model_cap: int | None
    budget_day: float | None
    budget_month: float | None
    duplicates: bool | None


class Installed:
    """What one ``instrument()`` set up, to be taken down as a whole."""

    def __init__(self, settings: Settings, pipeline: Pipeline, recorder: Recorder) -> None:
        self.settings = settings
        self.pipeline = pipeline
        self.recorder = recorder
        self.collector: LedgerCollector | None = None
        self.endpoint: Endpoint | None = None

    def expose(self) -> None:
        """Registers our series with prometheus_client, and serves its registry if the app has no metrics of its own."""
        mode, pipeline = self.settings.scrape, self.pipeline
        if mode == "off":
            return
        resource = {key.replace(".", "_"): str(value) for key, value in Resource.create().attributes.items()}
        self.collector = LedgerCollector(
            lambda: self.recorder.ledger,
            resource,
            semconv=self.settings.semconv,
            before=self.recorder.drain,
            wanted=lambda: mode == "on" or not pipeline.app_meters,
        )
        REGISTRY.register(self.collector)
        if mode == "on" or not pipeline.app_meters:
            self.endpoint = serve(self.settings.scrape_host, self.settings.scrape_port)

    def close(self) -> None:
        """Ends what is open, exports what is held, and frees port, registry and threads."""
        self.recorder.abandon_open()
        if self.endpoint is not None:
            self.endpoint.close()
        if self.collector is not None:
            REGISTRY.unregister(self.collector)
        self.pipeline.shutdown()


_lock: Final = threading.RLock()
_patches: Final = Patches()


HOOKS: Final = [Hook(client.module, client.patch) for client in CLIENTS] + [
    Hook(module, patch) for module, patch in WIRES.items()
]
_installed: Installed | None = None


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    meter_provider: MeterProvider | None = None,
    logger_provider: object | None = None,  # noqa: ARG001 - taken as every instrumentor takes it; no events yet
    **settings: Unpack[SettingKeywords],
) -> None:
    """Observes every LLM call of this process from now on; before or after SDKs are imported and clients made.

    Providers that are passed in are used, else the app's global ones (set before or after), else ours from the
    ``OTEL_*`` environment; without any of them metrics are served for scraping on 127.0.0.1:9464. A second call changes
    nothing. Settings that are not given come from ``OTEL_LLM_*`` and ``OTEL_*``.

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
        _installed = _install(loaded.settings, tracer_provider, meter_provider)


def _install(settings: Settings, tracer: TracerProvider | None, meter: MeterProvider | None) -> Installed:
    pipeline = Pipeline(settings, tracer, meter)
    recorder = Recorder(settings, pipeline, prices(settings))
    made = Installed(settings, pipeline, recorder)
    made.expose()
    runtime.install(runtime.Runtime(settings, recorder))
    for hook in HOOKS:
        hook.arm(_patches, lambda: runtime.current() is not None)
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


def uninstrument() -> None:
    """Puts back what was there: methods, registry, port. Streams that are open go on undisturbed and unobserved."""
    global _installed
    with _lock:
        made, _installed = _installed, None
        active = runtime.current()
        if active is not None:
            active.enabled = False
        runtime.install(None)
        _patches.restore()
        http_spans.restore()
        atexit.unregister(_at_exit)
        if made is not None:
            made.close()
        garbage.unwatch()


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
