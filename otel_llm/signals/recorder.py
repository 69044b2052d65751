"""The recorder: hears of every call, and makes of it a span, ledger entries and OpenTelemetry records."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Tracer

from otel_llm import catalog, guard
from otel_llm.call import Call
from otel_llm.guard import breaker, guarded
from otel_llm.prices.pricing import PriceTable
from otel_llm.settings import Settings
from otel_llm.signals import span as spans
from otel_llm.signals.attributed import AttributedBook
from otel_llm.signals.duplicates import Duplicates
from otel_llm.signals.instruments import Instruments
from otel_llm.signals.labels import ADDRESS_CAP, CappedLabel
from otel_llm.signals.ledger import GaugeRows, Labels, Ledger
from otel_llm.signals.limits import RateLimits
from otel_llm.signals.pipeline import Pipeline
from otel_llm.signals.series import Book, CallHistograms, Held, ModelSeries
from otel_llm.signals.summary import Summary, summarise, unread
from otel_llm.version import __version__


class Recorder:
    """Implements :class:`otel_llm.call.Signals`. Each step is guarded for itself: a broken exporter costs its span and
    no metric."""

    def __init__(self, settings: Settings, pipeline: Pipeline, prices: PriceTable) -> None:
        self.ledger: Final = Ledger()
        self.book: Final = Book(self.ledger, settings.model_cap, ADDRESS_CAP, settings.semconv)
        self.pipeline: Final = pipeline
        self._prices = prices
        self._limits = RateLimits()
        self._attributed = AttributedBook(self.ledger, settings)
        self.duplicates: Final = Duplicates() if settings.duplicates else None
        self._dropped: deque[Call] = deque()
        self._settings = settings
        self._born_ns = 0
        self.attend: Callable[[], None] = lambda: None
        """Told before each call: a forked worker sets itself up at its first one."""
        self.replaced: Callable[[], GaugeRows] = tuple
        """Asked for label values that were replaced in the sum over workers, by label."""
        self._observe()
        pipeline.attach(self.ledger)

    # ------------------------------------------------------------------ what a call tells
    def opened(self, call: Call) -> None:
        """A call begins: it gets its series, at 0 if they are new, and its span."""
        call.held = Held()
        self.attend()
        if call.started_ns < self._born_ns:  # it was this call by which a fork past Python was noticed
            call.started_ns = self._born_ns
        if self._dropped:
            self.drain()
        self._open(call)
        tracer = self.pipeline.tracer()
        if tracer is not None:
            self._start_span(call, tracer)

    @guarded("signals.gaps")
    def gaps(self, call: Call) -> None:
        """The call holds many chunk gaps: records and forgets them."""
        try:
            if call.started_ns >= self._born_ns:
                self._count_gaps(call)
        finally:
            del call.gaps[:]

    def deferred(self, call: Call) -> None:
        """The garbage collector closed the call: it is reported by :meth:`drain`."""
        self._dropped.append(call)  # atomic, takes no lock: we may be inside the garbage collector

    def closed(self, call: Call) -> None:
        """The call is over: reports it, and those that the garbage collector closed meanwhile."""
        self._report(call)
        if self._dropped:
            self.drain()

    def drain(self) -> None:
        """Reports the calls that the garbage collector closed. Called at every open, close and collection."""
        while self._dropped:
            try:
                call = self._dropped.popleft()
            except IndexError:  # another thread was faster
                break
            self._report(call)
        guard.tell()

    def _report(self, call: Call) -> None:
        if call.started_ns < self._born_ns:  # opened before the fork: the parent has it, too, and reports it
            return
        held: Held = call.held
        if held.series is not None:
            held.series.open.pop(id(call), None)
        summary = summarise(call, self._prices) or unread(call)
        if call.content is not None:
            self._deliver(call, summary)
        if call.span is not None:
            self._end_span(call, summary)
        self._count(call, summary)
        instruments = self.pipeline.instruments()
        if instruments is not None:
            self._record(call, summary, instruments)
        for attempt in call.attempts:
            attempt.facts.forget()
        call.attempts.clear()  # they know their call: a circle that only the garbage collector would open

    @guarded("signals.exit")
    def abandon_open(self) -> None:
        """The process ends, or we are switched off: what is open ends as abandoned."""
        self.drain()
        for series in self.book.models():
            for call in list(series.open.values()):
                call.abandon()

    def forked(self) -> None:
        """In a forked child: calls and figures so far are the parent's."""
        self._born_ns = time.perf_counter_ns()
        self._dropped.clear()
        for series in self.book.models():
            series.open.clear()
        for label in self._capped():
            label.forked()
        self.ledger.fork()

    # ------------------------------------------------------------------ steps
    @breaker("signals.open")
    def _open(self, call: Call) -> None:
        series = self._series(call)
        series.open[id(call)] = call
        if call.attribution:
            call.held.attributed = self._attributed.series(call, series.model)

    def _series(self, call: Call) -> ModelSeries:
        held: Held = call.held
        if held.series is None:
            held.series = self.book.model(call)
        return held.series

    def _histograms(self, call: Call, response_model: str | None) -> CallHistograms:
        held: Held = call.held
        if held.histograms is None or held.response_model != response_model:
            held.histograms = self.book.histograms(self._series(call), call, response_model)
            held.response_model = response_model
        return held.histograms

    @guarded("signals.content")
    def _deliver(self, call: Call, summary: Summary) -> None:
        if call.content is not None:
            call.content.deliver(call.span, spans.attributes(call, summary), context(call))

    @breaker("signals.span_start")
    def _start_span(self, call: Call, tracer: Tracer) -> None:
        call.span = spans.start(tracer, call)

    @breaker("signals.span")
    def _end_span(self, call: Call, summary: Summary) -> None:
        spans.end(call.span, call, summary)

    @breaker("signals.ledger")
    def _count(self, call: Call, summary: Summary) -> None:
        held: Held = call.held
        series, histograms = self._series(call), self._histograms(call, summary.response_model)
        if summary.end.error_type:
            held.error_type = self.book.error_type(summary.end.error_type)
        fingerprint = call.fingerprint if summary.end.outcome == "success" else None
        with self.ledger.lock:
            series.add(summary, duplicate=self.duplicates is not None and self.duplicates.repeats(fingerprint))
            for attributed in held.attributed:
                attributed.add(summary)
            histograms.add(call, summary, held.error_type, exemplar(call))
        last = call.last
        if last is not None and last.ratelimits:
            self._limits.note(call.provider, series.model, last.ratelimits)

    @breaker("signals.ledger")
    def _count_gaps(self, call: Call) -> None:
        histograms = self._histograms(call, call.facts.response_model)
        with self.ledger.lock:
            histograms.add_gaps(call, exemplar(call))
        instruments = self.pipeline.instruments()
        if instruments is not None:
            instruments.record_gaps(call, histograms.attributes, context(call))

    @breaker("signals.otel_metrics")
    def _record(self, call: Call, summary: Summary, instruments: Instruments) -> None:
        base = self._histograms(call, summary.response_model).attributes
        instruments.record(call, summary, base, call.held.error_type, context(call))

    # ------------------------------------------------------------------ what is asked at collection
    def _observe(self) -> None:
        observe = self.ledger.observe
        observe(catalog.INFLIGHT, lambda: self._open_calls(age=False))
        observe(catalog.OLDEST_INFLIGHT, lambda: self._open_calls(age=True))
        observe(catalog.INTERNAL_ERRORS, lambda: [((site,), n) for site, n in guard.failures().items()])
        observe(catalog.LABEL_OVERFLOW, self._overflows)
        observe(catalog.BUILD_INFO, lambda: [((__version__,), 1.0)])
        observe(catalog.PRICES_TIME, lambda: [((), self._prices.time)])
        observe(catalog.BUDGET, self._budgets)
        observe(catalog.RATELIMIT_LIMIT, lambda: self._limits.rows(remaining=False), self._limits.stated)
        observe(catalog.RATELIMIT_REMAINING, lambda: self._limits.rows(remaining=True), self._limits.stated)

    def _open_calls(self, *, age: bool) -> Iterator[tuple[tuple[str, ...], float]]:
        now = time.perf_counter_ns()
        for series in self.book.models():
            started = [call.started_ns for call in list(series.open.values())]
            oldest = (now - min(started)) / 1e9 if started else 0.0
            yield series.labels, oldest if age else float(len(started))

    def _capped(self) -> tuple[CappedLabel, ...]:
        return (*self.book.capped(), *self._attributed.labels.values())

    def _overflows(self) -> GaugeRows:
        found: dict[Labels, float] = {(label.name,): float(label.overflowed) for label in self._capped()}
        for labels, count in self.replaced():
            found[labels] = found.get(labels, 0.0) + count
        return found.items()

    def _budgets(self) -> GaugeRows:
        budgets = {"day": self._settings.budget_day, "month": self._settings.budget_month}
        return [((period,), budget) for period, budget in budgets.items() if budget is not None]


def context(call: Call) -> Context | None:
    """Context in which the call's span is current; OpenTelemetry takes exemplars from it."""
    return None if call.span is None else trace.set_span_in_context(call.span)


def exemplar(call: Call) -> tuple[str, str] | None:
    """Trace and span id of a sampled span as hex, else ``None``: an exemplar must lead somewhere."""
    if call.span is None:
        return None
    found = call.span.get_span_context()
    if not (found.is_valid and found.trace_flags.sampled):
        return None
    return trace.format_trace_id(found.trace_id), trace.format_span_id(found.span_id)
