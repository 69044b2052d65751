"""Recording rules: what dashboards over long ranges and alerts read instead of raw series.

Names follow ``level:metric:operation``; the level lists the labels that are left. Groups differ in how often they are
evaluated: a rate over three days need not be asked twice a minute.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import msgspec

from otel_llm import catalog as c
from otel_llm.pack import promql as q
from otel_llm.pack import signals
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import JOB, MODEL, PROVIDER, Scope

PER_MODEL: Final = (JOB, PROVIDER, MODEL)
PER_PROVIDER: Final = (JOB, PROVIDER)
PER_VALUE: Final = (JOB, q.ATTRIBUTION_KEY, q.ATTRIBUTION_VALUE)
_LEVELS: Final = {
    JOB: "job", PROVIDER: "provider", MODEL: "model", q.ERROR_CLASS: "class", q.TOKEN_TYPE: "type",
    q.FINISH_REASON: "reason", q.PERIOD: "period", q.ATTRIBUTION_KEY: "key", q.ATTRIBUTION_VALUE: "value",
}  # fmt: skip

SECONDS: Final = {"5m": 300, "30m": 1800, "1h": 3600, "2h": 7200, "6h": 21600, "1d": 86400, "3d": 259200}
"""Windows of the burn-rate alerts, in seconds."""
INTERVALS: Final = {"often": "30s", "steady": "1m", "slow": "2m"}
"""How often a group is evaluated. At most half of Prometheus' lookback of five minutes: at more, a late evaluation
leaves a hole in the series, and an alert that is evaluated in the hole begins its hold again."""


class Record(msgspec.Struct, frozen=True):
    """One recording rule."""

    name: str
    expr: str
    help: str
    pace: str = "often"
    """A key of :data:`INTERVALS`."""


def name(labels: q.Labels, metric: str, operation: str) -> str:
    """``level:metric:operation``."""
    return f"{'_'.join(_LEVELS[label] for label in labels)}:{metric}:{operation}"


def calls(window: str) -> str:
    """Calls per second."""
    return name(PER_MODEL, c.CALLS.prometheus, f"rate{window}")


def slo_errors(window: str) -> str:
    """Calls per second that failed by the provider's or a limit's fault."""
    return name(PER_MODEL, "otel_llm_slo_errors", f"rate{window}")


def slo_ratio(window: str) -> str:
    """Share of calls that failed by the provider's or a limit's fault."""
    return name(PER_PROVIDER, "otel_llm_slo_errors", f"ratio_rate{window}")


def quantile(metric: c.Metric, q_: int, window: str) -> str:
    """Quantile of a histogram; recorded under the released name whatever the app emits."""
    return name(PER_MODEL, metric.prometheus, f"p{q_}_{window}")


ERRORS: Final = name((*PER_PROVIDER, q.ERROR_CLASS), "otel_llm_errors", "rate5m")
SPEND_RATE: Final = name(PER_MODEL, c.COST.prometheus, "rate5m")
SPEND_1H: Final = name((JOB,), c.COST.prometheus, "increase1h")
SPEND_1D: Final = name((JOB,), c.COST.prometheus, "increase1d")
SPEND_MEAN: Final = name((JOB,), c.COST.prometheus, "increase1h_mean1w")
VALUE_1H: Final = name(PER_VALUE, c.ATTRIBUTED_COST.prometheus, "increase1h")
VALUE_1D: Final = name(PER_VALUE, c.ATTRIBUTED_COST.prometheus, "increase1d")
BUDGET: Final = name((JOB, q.PERIOD), c.BUDGET.prometheus, "max")
TOKENS: Final = name((*PER_MODEL, q.TOKEN_TYPE), c.CALL_TOKENS.prometheus, "rate5m")
TOKENS_PER_CALL: Final = name((*PER_MODEL, q.TOKEN_TYPE), c.CALL_TOKENS.prometheus, "per_call1h")
CACHE_SHARE: Final = name(PER_MODEL, "otel_llm_cache_read", "ratio_rate1h")
FINISH_SHARE: Final = name((*PER_MODEL, q.FINISH_REASON), c.FINISH.prometheus, "ratio_rate1h")


def _pace(window: str) -> str:
    return "often" if SECONDS[window] <= 3600 else "steady" if SECONDS[window] <= 21600 else "slow"


def _windows(scope: Scope) -> Iterator[Record]:
    for window in SECONDS:
        at = scope.over(window).per(*PER_MODEL)
        pace = _pace(window)
        yield Record(calls(window), at.rate(c.CALLS), f"Calls per second over {window}.", pace)
        # "or 0 *": a provider without a failure has the ratio 0, not none.
        errors = f"{signals.SLO_ERRORS.expr(at)} or 0 * {calls(window)}"
        yield Record(slo_errors(window), errors, f"SLO errors per second over {window}.", pace)
        share = f"{q.total(PER_PROVIDER, slo_errors(window))} / ({q.total(PER_PROVIDER, calls(window))} > 0)"
        yield Record(slo_ratio(window), share, f"SLO error ratio over {window}.", pace)


def _latency(scope: Scope) -> Iterator[Record]:
    asked = ((50, "5m"), (95, "5m"), (99, "5m"), (95, "1h"))
    for metric, signal in ((c.DURATION, signals.duration), (c.FIRST_CHUNK, signals.first_chunk)):
        for percent, window in asked:
            expr = signal(percent / 100).expr(scope.over(window).per(*PER_MODEL))
            yield Record(quantile(metric, percent, window), expr, f"p{percent} over {window}, in seconds.")


def _money(scope: Scope) -> Iterator[Record]:
    yield Record(SPEND_RATE, scope.per(*PER_MODEL).rate(c.COST), "US dollars per second.")
    yield Record(SPEND_1H, scope.over("1h").per(JOB).increase(c.COST), "US dollars of the last hour.")
    yield Record(SPEND_1D, scope.over("1d").per(JOB).increase(c.COST), "US dollars of the last day.", "slow")
    yield Record(SPEND_MEAN, f"avg_over_time({SPEND_1H}[1w])", "US dollars of the mean hour of the week.", "slow")
    value = scope.per(*PER_VALUE)
    yield Record(VALUE_1H, value.over("1h").increase(c.ATTRIBUTED_COST), "US dollars of the last hour by attribution.")
    yield Record(
        VALUE_1D, value.over("1d").increase(c.ATTRIBUTED_COST), "US dollars of the last day by attribution.", "slow"
    )
    budget = signals.BUDGET.expr(scope.per(JOB, q.PERIOD))
    for period in c.PERIODS:
        amount = float(getattr(scope.config.budget, period))
        if amount:
            every_job = f"0 * {scope.over('1d').per(JOB).increase(c.COST)} + {amount:g}"
            budget += f'\nor label_replace({every_job}, "{q.PERIOD}", "{period}", "", "")'
    yield Record(BUDGET, budget, "US dollars that a job may spend per period; the largest of its replicas' settings.")


def _content(scope: Scope) -> Iterator[Record]:
    per_type = scope.per(*PER_MODEL, q.TOKEN_TYPE)
    yield Record(TOKENS, per_type.rate(c.CALL_TOKENS), "Tokens per second by disjoint type.")
    hour = scope.over("1h")
    tokens = per_type.over("1h").rate(c.CALL_TOKENS)
    whole = f"({hour.per(*PER_MODEL).rate(c.CALLS)} > 0)"
    per_call = f"{tokens} / {q.on(PER_MODEL)} group_left () {whole}"
    yield Record(TOKENS_PER_CALL, per_call, "Mean tokens per call by disjoint type.")
    cache = signals.CACHE_SHARE.expr(hour.per(*PER_MODEL))
    yield Record(CACHE_SHARE, cache, "Share of input tokens read from the prompt cache.")
    finish = hour.per(*PER_MODEL, q.FINISH_REASON).rate(c.FINISH)
    finished = f"({hour.per(*PER_MODEL).rate(c.FINISH)} > 0)"
    share = f"{finish} / {q.on(PER_MODEL)} group_left () {finished}"
    yield Record(FINISH_SHARE, share, "Share of finished answers by reason.")


def records(config: PackConfig) -> tuple[Record, ...]:
    """All recording rules, in the order in which they read each other."""
    scope = Scope(config=config)
    errors = signals.ERROR_RATE.expr(scope.per(*PER_PROVIDER, q.ERROR_CLASS))
    by_class = Record(ERRORS, errors, "Failed calls per second by whose fault they are.")
    return (*_windows(scope), by_class, *_latency(scope), *_money(scope), *_content(scope))
