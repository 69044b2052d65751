"""Reading /metrics back, and comparing it with what was injected."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from otel_llm import catalog
from otel_llm.demo import tables
from otel_llm.demo.comparison import differences
from otel_llm.demo.emulator.injected import Stated
from otel_llm.demo.exposed import Exposed

GPT = ("chat", "openai", "gpt-4o")
LABELS = [catalog.label_name(name) for name in catalog.CALLS.labels]


def scraped(calls: dict[tuple[str, ...], int], durations: list[float] = ()) -> Exposed:
    registry = CollectorRegistry()
    counter = Counter(catalog.CALLS.prometheus, "Calls.", LABELS, registry=registry)
    for labels, count in calls.items():
        counter.labels(*labels).inc(count)
    histogram = Histogram(catalog.DURATION.prometheus, "Seconds.", ["m"], registry=registry, buckets=(1, 2, 4))
    for seconds in durations:
        histogram.labels("x").observe(seconds)
    return Exposed.now(registry)


def injected(calls: dict[tuple[str, ...], float]):
    return SimpleNamespace(sums={catalog.CALLS: calls}, asked_waits={}, limits={})


def test_sums_leave_zeros_out():
    exposed = scraped({(*GPT, "success", ""): 3, (*GPT, "error", "auth"): 0})
    assert exposed.sums(catalog.CALLS) == {(*GPT, "success", ""): 3}
    assert exposed.total(catalog.CALLS, outcome="success") == 3
    assert exposed.total(catalog.CALLS, outcome="cancelled") == 0
    assert exposed.sums(catalog.RETRIES) == {}


@pytest.mark.parametrize(
    ("seen", "q", "value"),
    [([0.5] * 4, 0.5, 0.5), ([1.5] * 4, 0.5, 1.5), ([0.5, 3, 3, 3], 0.5, 2 + 2 / 3), ([9.0], 0.95, 4.0)],
)
def test_quantiles_are_those_of_histogram_quantile(seen, q, value):
    assert scraped({}, seen).quantile(catalog.DURATION, q) == pytest.approx(value)


def test_no_observation_has_no_quantile():
    assert scraped({}).quantile(catalog.DURATION, 0.5) is None
    assert scraped({}, [1.5]).quantile(catalog.DURATION, 0.5, m="y") is None


def test_equal_figures_do_not_differ_and_zeros_are_nothing():
    calls = {(*GPT, "success", ""): 3, (*GPT, "error", "auth"): 0}
    assert differences(injected(calls), scraped({(*GPT, "success", ""): 3})) == []


@pytest.mark.parametrize(
    ("told", "text"),
    [
        ({(*GPT, "success", ""): 2}, 'outcome="success", error_class=""}: injected 3, exposed 2'),
        ({(*GPT, "success", ""): 3, (*GPT, "error", "quota"): 1}, 'error_class="quota"}: injected 0, exposed 1'),
        ({}, "injected 3, exposed 0"),
    ],
)
def test_a_lost_an_extra_and_a_missing_series_are_named(told, text):
    (difference,) = differences(injected({(*GPT, "success", ""): 3}), scraped(told))
    assert str(difference).startswith("otel_llm_calls_total{")
    assert text in str(difference)


RATE = ("openai", "gpt-4o", "requests")


@pytest.mark.parametrize(
    ("waited", "limit", "wrong"),
    [
        (2.0, 10.0, []),
        (0.9, 10.0, ["otel_llm_retry_wait_seconds_total"]),
        (2.6, 10.0, ["otel_llm_retry_wait_seconds_total"]),
        (0.0, 10.0, ["otel_llm_retry_wait_seconds_total"]),
        (2.0, 11.0, ["otel_llm_ratelimit_limit"]),
        (2.0, None, ["otel_llm_ratelimit_limit"]),
    ],
)
def test_waits_are_between_bounds_and_limits_are_ones_that_were_stated(waited, limit, wrong):
    registry = CollectorRegistry()
    seconds = Counter(catalog.RETRY_WAIT.prometheus, "s", names(catalog.RETRY_WAIT), registry=registry)
    seconds.labels(*GPT).inc(waited)
    for metric, value in ((catalog.RATELIMIT_LIMIT, limit), (catalog.RATELIMIT_REMAINING, 0.0)):
        if value is not None:
            Gauge(metric.prometheus, "l", names(metric), registry=registry).labels(*RATE).set(value)
    truth = SimpleNamespace(
        sums={catalog.RETRY_WAIT: {GPT: 2.5}},
        asked_waits={GPT: 1.0},
        limits={RATE: Stated({9.0, 10.0}, {0.0}, time.monotonic())},
    )
    found = differences(truth, Exposed.now(registry))
    assert [difference.metric.series for difference in found] == wrong


def names(metric: catalog.Metric) -> list[str]:
    return [catalog.label_name(name) for name in metric.labels]


def test_a_limit_that_was_stated_long_ago_may_be_gone():
    truth = SimpleNamespace(sums={}, asked_waits={}, limits={RATE: Stated({9.0}, {0.0}, time.monotonic() - 60)})
    assert differences(truth, Exposed("")) == []


def test_every_error_class_but_the_unclear_ones_is_somebodys_fault():
    whose = {name: tables.fault(name) for name in catalog.ERROR_CLASSES}
    assert whose["overloaded"] == "theirs"
    assert whose["quota"] == "our limits"
    assert whose["auth"] == "ours"
    assert [name for name, fault in whose.items() if not fault] == ["content_filter", "unknown"]
