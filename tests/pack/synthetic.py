"""Made-up LLM metrics with the names, labels and buckets of the catalogue, as OpenMetrics text.

For tests that need a filled Prometheus before any emitter runs, and for pictures. Everything is an expectation, not a
draw, so that the same arguments give the same text: ``python -m tests.pack.synthetic incident > metrics.txt``.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from otel_llm import catalog as c
from otel_llm.pack.alerts.alert import PREFIX

HOUR, DAY, WEEK = 3600, 86400, 604800


@dataclass(frozen=True)
class Model:
    """What one job does with one model."""

    job: str
    provider: str
    name: str
    served: str
    rate: float
    seconds: float
    tokens: dict[str, float]
    dollars: dict[str, float]
    """Per million tokens, by type."""
    stream: bool = True
    priced: bool = True


def _chat(job: str, provider: str, name: str, served: str, rate: float, seconds: float, price: float) -> Model:
    tokens = {"input": 620.0, "input_cache_read": 840.0, "input_cache_write": 40.0, "output": 210.0,
              "output_reasoning": 90.0}  # fmt: skip
    dollars = {"input": price, "input_cache_read": price / 10, "input_cache_write": price * 1.25, "output": price * 5,
               "output_reasoning": price * 5}  # fmt: skip
    return Model(job, provider, name, served, rate, seconds, tokens, dollars)


MODELS = (
    _chat("shop/assistant", "openai", "gpt-5", "gpt-5-2026-08-07", 1.4, 2.4, 1.25),
    _chat("shop/assistant", "anthropic", "claude-sonnet-4-6", "claude-sonnet-4-6", 0.8, 3.1, 3.0),
    _chat("shop/search", "openai", "gpt-5-mini", "gpt-5-mini-2026-08-07", 4.2, 0.9, 0.25),
    Model("shop/search", "openai", "text-embedding-3-small", "text-embedding-3-small", 6.0, 0.12,
          {"input": 320.0}, {"input": 0.02}, stream=False),
    Model("batch/reports", "gcp.gemini", "gemini-2.5-pro", "gemini-2.5-pro", 0.3, 7.5,
          {"input": 4200.0, "output": 900.0, "output_reasoning": 400.0}, {}, priced=False),
)  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """What is different now, for one model."""

    errors: dict[str, float] = field(default_factory=dict)
    """Error class -> share of calls."""
    slower: float = 1.0
    more: float = 1.0
    longer: float = 1.0
    uncached: bool = False
    cut: float = 0.02
    invalid: float = 0.004
    left: float = 0.62
    retries: float = 0.01
    oldest: float = 14.0


_CALM = {"provider": 0.0009, "timeout": 0.0006, "rate_limit": 0.0011, "bad_request": 0.0014, "content_filter": 0.0004}


EARLIER = (2.2 * DAY, 4.6 * DAY, 16 * DAY)
"""Seconds before the end of smaller troubles that are over, in every scenario that has calls."""


def moment(scenario: str, model: Model, age: float) -> Moment:
    """The state of a model ``age`` seconds before the end."""
    if model.provider == "openai" and age > DAY and any(0 < age - past < 5400 for past in EARLIER):
        return Moment(errors={**_CALM, "overloaded": 0.12})
    if scenario != "incident":
        return Moment(errors=_CALM)
    outage = model.provider == "openai" and 3000 > age > 1200
    if outage:
        return Moment(errors={"provider": 0.34, "overloaded": 0.18, "timeout": 0.09, "rate_limit": 0.02}, slower=2.6,
                      retries=1.4, oldest=420)  # fmt: skip
    if model.name.startswith("claude") and age < 3600:
        return Moment(errors={**_CALM, "rate_limit": 0.05}, more=3.4, longer=1.9, uncached=True, left=0.05,
                      cut=0.16, retries=0.4, invalid=0.03)  # fmt: skip
    if model.job == "batch/reports" and age < 2400:
        return Moment(errors={"auth": 0.12, "not_found": 0.02})
    return Moment(errors=_CALM)


class Store:
    """Samples by series."""

    def __init__(self) -> None:
        self._values: dict[str, float] = {}
        self._lines: dict[str, list[str]] = {}

    def add(self, series: str, labels: dict[str, str], growth: float) -> None:
        """Grows a counter."""
        key = key_of(series, labels)
        self._values[key] = self._values.get(key, 0.0) + growth

    def put(self, series: str, labels: dict[str, str], value: float) -> None:
        """Sets a gauge."""
        self._values[key_of(series, labels)] = value

    def histogram(self, metric: c.Metric, labels: dict[str, str], count: float, median: float) -> None:
        """Adds ``count`` observations, spread log-normally about the median."""
        for bound in (*metric.buckets, math.inf):
            share = 0.5 * math.erfc(-math.log(bound / median) / (0.55 * math.sqrt(2))) if bound < math.inf else 1.0
            le = "+Inf" if bound == math.inf else f"{float(bound)}"
            self.add(metric.prometheus + "_bucket", {**labels, "le": le}, count * share)
        self.add(metric.prometheus + "_count", labels, count)
        self.add(metric.prometheus + "_sum", labels, count * median * 1.16)

    def scrape(self, at: float) -> None:
        """Writes down every series."""
        for key, value in self._values.items():
            if math.isnan(value):
                continue  # not there now
            self._lines.setdefault(key, []).append(f"{key} {value:.10g} {at:.0f}")

    def text(self) -> Iterator[str]:
        """OpenMetrics."""
        for lines in self._lines.values():
            yield from lines
        yield "# EOF"


def key_of(series: str, labels: dict[str, str]) -> str:
    return series + "{" + ",".join(f'{name}="{value}"' for name, value in labels.items()) + "}"


def _label(attribute: str, value: str) -> dict[str, str]:
    return {c.label_name(attribute): value}


def _step(store: Store, model: Model, now: Moment, seconds: float, day: float) -> None:
    base = {"job": model.job, "instance": f"{model.job.split('/')[1]}-1:9464"}
    who = {**base, **_label(c.OPERATION, "chat" if model.stream else "embeddings"),
           **_label(c.PROVIDER, model.provider), **_label(c.REQUEST_MODEL, model.name)}  # fmt: skip
    calls = model.rate * now.more * day * seconds
    good = calls * (1 - sum(now.errors.values()))
    _calls(store, who, now, calls, good)
    _attributed(store, model, who, now, good)
    _usage(store, model, who, now, good)
    _quality(store, who, now, good)
    _timing(store, model, who, now, calls, good)
    limits = {**base, **_label(c.PROVIDER, model.provider), **_label(c.REQUEST_MODEL, model.name)}
    if model.provider != "gcp.gemini":
        for kind, limit, left in (("requests", 5000.0, now.left), ("tokens", 2e6, now.left * 1.2)):
            store.put(c.RATELIMIT_LIMIT.series, {**limits, c.LIMIT_KIND: kind}, limit)
            store.put(c.RATELIMIT_REMAINING.series, {**limits, c.LIMIT_KIND: kind}, limit * left)
    store.put(c.INFLIGHT.series, who, calls / seconds * model.seconds * now.slower)
    store.put(c.OLDEST_INFLIGHT.series, who, now.oldest)


def _calls(store: Store, who: dict[str, str], now: Moment, calls: float, good: float) -> None:
    for outcome, share in (("success", 0.985), ("cancelled", 0.01), ("abandoned", 0.005)):
        store.add(c.CALLS.series, {**who, c.OUTCOME: outcome, c.ERROR_CLASS: ""}, good * share)
    for name in c.ERROR_CLASSES:
        store.add(c.CALLS.series, {**who, c.OUTCOME: "error", c.ERROR_CLASS: name}, calls * now.errors.get(name, 0))
        share = now.retries * (0.6 if name == "rate_limit" else 0.4 if name == "overloaded" else 0)
        store.add(c.RETRIES.series, {**who, c.ERROR_CLASS: name}, calls * share)
    store.add(c.RETRY_WAIT.series, who, calls * now.retries * 1.7)


VALUES = {"feature": {"chat": 0.6, "search": 0.25, "summary": 0.15},
          "tenant": {"acme": 0.45, "globex": 0.3, "initech": 0.2, "umbrella": 0.05}}  # fmt: skip
"""Attribution values and their share of calls."""


def _attributed(store: Store, model: Model, who: dict[str, str], now: Moment, good: float) -> None:
    """In an incident all that is more comes from one tenant."""
    base = {name: value for name, value in who.items() if name != c.label_name(c.OPERATION)}
    tokens = good * sum(model.tokens.values()) * now.longer
    dollars = good * sum(model.tokens[kind] * model.dollars.get(kind, 0) for kind in model.tokens) * now.longer / 1e6
    for key, values in VALUES.items():
        for value, share in values.items():
            part = (share + (now.more - 1) * (value == "umbrella")) / now.more if key == "tenant" else share
            labels = {**base, c.ATTRIBUTION_KEY: key, c.ATTRIBUTION_VALUE: value}
            store.add(c.ATTRIBUTED_CALLS.series, {**labels, c.OUTCOME: "success"}, good * part)
            store.add(c.ATTRIBUTED_TOKENS.series, labels, tokens * part)
            store.add(c.ATTRIBUTED_COST.series, labels, dollars * part)


def _usage(store: Store, model: Model, who: dict[str, str], now: Moment, good: float) -> None:
    counts = {kind: count * now.longer for kind, count in model.tokens.items()}
    if now.uncached and "input_cache_read" in counts:
        counts["input"] += counts["input_cache_read"] * 0.95
        counts["input_cache_read"] *= 0.05
    spent = 0.0
    for kind in c.TOKEN_TYPES:
        tokens = good * counts.get(kind, 0.0)
        store.add(c.CALL_TOKENS.series, {**who, **_label(c.TOKEN_TYPE, kind)}, tokens)
        cost = tokens * model.dollars.get(kind, 0.0) / 1e6
        store.add(c.COST.series, {**who, **_label(c.TOKEN_TYPE, kind)}, cost)
        spent += cost
    wasted = (
        (c.RETRY_COST, now.retries * 0.1),
        (c.FAILED_COST, now.retries * 0.03),
        (c.TRUNCATED_COST, now.cut),
        (c.DUPLICATE_COST, 0.03),
    )
    for metric, share in wasted:
        store.add(metric.series, who, spent * share)
    store.add(c.DUPLICATE_CALLS.series, who, good * 0.03)
    saved = good * counts.get("input_cache_read", 0) * model.dollars.get("input", 0) * 0.9 / 1e6
    store.add(c.CACHE_SAVINGS.series, who, saved)
    for reason in c.UNPRICED_VALUES:
        unpriced = good if not model.priced and reason == "unknown_model" else 0
        store.add(c.UNPRICED.series, {**who, c.REASON: reason}, unpriced)
    for reason in c.USAGE_MISSING_VALUES:
        store.add(c.USAGE_MISSING.series, {**who, c.REASON: reason}, good * 0.002 * (reason == "not_stated"))


def _quality(store: Store, who: dict[str, str], now: Moment, good: float) -> None:
    shares = {"stop": 0.82 - now.cut, "length": now.cut, "tool_call": 0.17, "content_filter": 0.003, "other": 0.007}
    for reason in c.FINISH_VALUES:
        store.add(c.FINISH.series, {**who, **_label(c.FINISH_REASON, reason)}, good * shares.get(reason, 0))
    for index, reason in enumerate(c.INVALID_VALUES):
        share = now.cut if reason == "truncated" else now.invalid / (index + 1)
        store.add(c.INVALID_OUTPUT.series, {**who, c.REASON: reason}, good * share)


def _timing(store: Store, model: Model, who: dict[str, str], now: Moment, calls: float, good: float) -> None:
    full = {**who, **_label(c.RESPONSE_MODEL, model.served), **_label(c.SERVER_PORT, "443"),
            **_label(c.SERVER_ADDRESS, f"api.{model.provider}.example")}  # fmt: skip
    seconds = model.seconds * now.slower * now.longer**0.5
    store.histogram(c.DURATION, {**full, **_label(c.ERROR_TYPE, "")}, good, seconds)
    kinds = {"provider": "500", "overloaded": "529", "timeout": "TimeoutError", "rate_limit": "rate_limit_exceeded",
             "auth": "invalid_api_key"}  # fmt: skip
    for name, kind in kinds.items():
        if now.errors.get(name):
            store.histogram(c.DURATION, {**full, **_label(c.ERROR_TYPE, kind)}, calls * now.errors[name], 0.3)
    for kind in ("input", "output"):
        count = sum(tokens for name, tokens in model.tokens.items() if name.startswith(kind)) * now.longer
        if count:
            store.histogram(c.TOKEN_USAGE, {**full, **_label(c.TOKEN_TYPE, kind)}, good, count)
    if model.stream:
        store.histogram(c.FIRST_CHUNK, full, good, 0.25 * seconds)
        store.histogram(c.OUTPUT_CHUNK, full, good * 60, 0.012 * seconds)


def _process(store: Store, job: str, at: float, end: float) -> None:
    base = {"job": job, "instance": f"{job.split('/')[1]}-1:9464"}
    store.put(c.BUILD_INFO.series, {**base, c.VERSION: "0.1.0"}, 1)
    version = "7.3.0" if at < end - HOUR else "7.4.0"
    # A restarted service changes its target_info; the old one ends.
    store.put("target_info", {**base, "service_name": job.split("/")[1], "service_version": version}, 1)
    store.put(c.PRICES_TIME.series, base, end - 21 * DAY)
    store.add(c.INTERNAL_ERRORS.series, {**base, c.SITE: "wires.httpx"}, 0)
    store.add(c.LABEL_OVERFLOW.series, {**base, c.LABEL: c.label_name(c.REQUEST_MODEL)}, 0)
    if job == "shop/assistant":
        for period, amount in (("day", 1200.0), ("month", 40000.0)):
            store.put(c.BUDGET.series, {**base, c.PERIOD: period}, amount)


def _alerts(store: Store, age: float) -> None:
    """What Prometheus would write for the alerts of an incident."""
    for name, severity, job, first, last in (
        ("ProviderOutage", "critical", "shop/search", 2800, 1200),
        ("ProviderOutage", "critical", "shop/assistant", 2800, 1200),
        ("CostSpike", "warning", "shop/assistant", 2500, 0),
        ("OwnFault", "warning", "batch/reports", 2000, 0),
        ("RateLimited", "warning", "shop/assistant", 3200, 0),
    ):
        labels = {"alertname": PREFIX + name, "alertstate": "firing", "severity": severity, "job": job}
        store.put("ALERTS", labels, 1 if first >= age >= last else math.nan)


def day_of(at: float) -> float:
    return (
        1 + 0.35 * math.sin(2 * math.pi * (at % DAY) / DAY - 1.9) + 0.05 * math.sin(at / 431) + 0.03 * math.sin(at / 97)
    )


def times(end: float, dense: float, dense_step: float, sparse: float, sparse_step: float) -> list[float]:
    """Scrapes: dense to the end and to the same time a day and a week before, sparse between."""
    found = {end - age * sparse_step for age in range(int(sparse / sparse_step) + 1)} if sparse else set[float]()
    for past in (0, DAY, WEEK):
        found |= {end - past - age * dense_step for age in range(int(dense / dense_step) + 1)}
    return sorted(found)


def metrics(scenario: str, moments: list[float], models: tuple[Model, ...] = MODELS) -> Iterator[str]:
    """OpenMetrics lines of a scenario: ``normal``, ``incident`` or ``empty`` (processes that made no call yet)."""
    store = Store()
    end, before = moments[-1], moments[0]
    for at in moments:
        # A gap is a counter at rest: nobody looks at what happened between.
        seconds = at - before
        before = at
        for model in models if scenario != "empty" else ():
            _step(store, model, moment(scenario, model, end - at), max(seconds, 1e-9), day_of(at))
        for job in dict.fromkeys(model.job for model in models):
            _process(store, job, at, end)
        if scenario == "incident":
            _alerts(store, end - at)
        store.scrape(at)
    return store.text()


if __name__ == "__main__":
    final = float(sys.argv[2]) if len(sys.argv) > 2 else time.time() // 60 * 60
    chosen = times(final, dense=6.5 * HOUR, dense_step=60, sparse=8 * DAY, sparse_step=900)
    sys.stdout.writelines(line + "\n" for line in metrics(sys.argv[1], chosen))
