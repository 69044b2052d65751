"""Stories for every alert: one or more in which it fires, and near misses in which it must not.

Each near miss is close enough to the limit that a limit three times as low would fire, and each firing story close
enough that a limit three times as high would not: so a moved threshold is noticed.
"""

from __future__ import annotations

from dataclasses import replace

from otel_llm import catalog as c
from otel_llm.pack.alerts.failures import burns
from otel_llm.pack.records import SECONDS
from tests.pack.promtool import CONFIG, MODEL, PROVIDER, REPLICAS, Case, Rate, gauge, selector, series

WHO = {c.label_name(c.OPERATION): "chat", c.label_name(c.PROVIDER): PROVIDER, c.label_name(c.REQUEST_MODEL): MODEL}
LIMIT = {c.label_name(c.PROVIDER): PROVIDER, c.label_name(c.REQUEST_MODEL): MODEL}
WEEK = 7 * 24 * 60
"""Minutes."""
STEP = 30
"""Minutes between samples of stories over a week: two in an hour are the fewest that make a rate."""
HOURLY = STEP / 60
_WEEKS, _RECENT = (WEEK - 90) // STEP, 8
_END = (_WEEKS + _RECENT) * STEP - 30
# Last week's hour lies before the change, and this week's after it.
assert _END - WEEK < _WEEKS * STEP < _END - 60

Phase = tuple[float, dict[str, float], int]
"""Calls per step, share of them per error class, steps."""


def calls(*phases: Phase) -> dict[str, str]:
    """Calls in phases, every error class created at 0."""
    good: Rate = [(rate * (1 - sum(bad.values())), steps) for rate, bad, steps in phases]
    found = series(c.CALLS.series, {**WHO, c.OUTCOME: "success", c.ERROR_CLASS: ""}, good)
    for name in c.ERROR_CLASSES:
        bad: Rate = [(rate * shares.get(name, 0), steps) for rate, shares, steps in phases]
        found |= series(c.CALLS.series, {**WHO, c.OUTCOME: "error", c.ERROR_CLASS: name}, bad)
    return found


def _per_call(name: str, labels: dict[str, str], share: float, rate: float, steps: int) -> dict[str, str]:
    return series(name, {**WHO, **labels}, [(share * rate, steps)])


def _burn(long: str, short: str, factor: float) -> list[Case]:
    """One step is a 60th of the long window; the guard asks for 50 calls in it."""
    step = SECONDS[long] // 60 // 60
    limit = factor * 0.01
    end = 75 * step

    def case(name: str, fires: bool, *phases: Phase) -> Case:
        return Case(name, fires, calls(*phases), end, step)

    few = SECONDS[short] // 60 // step + 5
    return [
        case("burns", True, (1.5, {"provider": limit * 0.9, "rate_limit": limit * 0.5}, 80)),
        case("quota is spent", True, (1.5, {"quota": limit * 1.4}, 80)),
        case("burns a little", False, (1.5, {"provider": limit * 0.7}, 80)),
        case("is nearly over", False, (1.5, {"provider": limit * 2.5}, 75 - few), (1.5, {"provider": limit * 0.6}, 40)),
        case("has just begun", False, (1.5, {}, 66), (1.5, {"provider": min(1, limit * 4)}, 20)),
        case("hardly any calls", False, (0.5, {"provider": limit * 2}, 80)),
        case("our fault", False, (1.5, {"auth": 0.9}, 80)),
    ]


def _share(name: str, bad: float, limit: float, rate: float, other: str) -> list[Case]:
    """A share of one error class in five minutes."""
    steps = 25
    return [
        Case("fires", True, calls((rate, {name: bad}, steps)), steps, labels={c.ERROR_CLASS: name}),
        Case("near miss", False, calls((rate, {name: limit * 0.6}, steps)), steps),
        Case("few calls", False, calls((rate * 0.35, {name: 0.6}, steps)), steps),
        Case("another class", False, calls((rate, {other: 0.7}, steps)), steps),
    ]


def _spike() -> list[Case]:
    def story(before: float, after: float, rate: float = 6) -> dict[str, str]:
        return calls((rate, {"provider": before}, 120), (rate, {"provider": after}, 25))

    return [
        Case("jump", True, story(0.005, 0.2), 144),
        Case("small jump", False, story(0.001, 0.06), 144),
        Case("always bad", False, story(0.08, 0.16), 144),
        Case("few calls", False, story(0.005, 0.2, rate=2.5), 144),
        Case("our fault", False, calls((6, {}, 120), (6, {"bad_request": 0.5}, 25)), 144),
    ]


def _quota() -> list[Case]:
    return [
        Case("one call", True, calls((2, {}, 20), (1, {"quota": 1}, 1), (2, {}, 10)), 23),
        Case("created at 0", False, calls((2, {}, 30)), 25),
        Case("rate limit", False, calls((2, {"rate_limit": 0.5}, 30)), 25),
    ]


def _headroom() -> list[Case]:
    def story(left: float, rate: float = 3) -> dict[str, str]:
        kind = {**LIMIT, c.LIMIT_KIND: "tokens"}
        return {**calls((rate, {}, 25)), **gauge(c.RATELIMIT_LIMIT.series, kind, 1000, 25),
                **gauge(c.RATELIMIT_REMAINING.series, kind, 1000 * left, 25)}  # fmt: skip

    found = {c.LIMIT_KIND: "tokens"}
    return [
        Case("low", True, story(0.06), 25, labels=found),
        Case("none left", True, story(0), 25, labels=found),
        Case("enough", False, story(0.2), 25),
        Case("few calls", False, story(0.06, rate=1), 25),
    ]


def _retries() -> list[Case]:
    def story(share: float, rate: float = 6) -> dict[str, str]:
        retries = _per_call(c.RETRIES.series, {c.ERROR_CLASS: "overloaded"}, share, rate, 25)
        return {**calls((rate, {}, 25)), **retries}

    return [
        Case("storm", True, story(0.8), 25),
        Case("some", False, story(0.3), 25),
        Case("few calls", False, story(0.8, rate=2.5), 25),
    ]


def _histogram(metric: c.Metric, rates: dict[float, Rate], labels: dict[str, str]) -> dict[str, str]:
    """Cumulative buckets of observations that lie under the bounds given."""
    found: dict[str, str] = {}
    for bound in (0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, float("inf")):
        inside = [rate for upper, rate in rates.items() if upper <= bound]
        length = max(len(rate) for rate in rates.values())
        summed: Rate = [
            (sum(rate[phase][0] for rate in inside), next(iter(rates.values()))[phase][1]) for phase in range(length)
        ]
        le = "+Inf" if bound == float("inf") else f"{bound:g}"
        found |= series(metric.prometheus + "_bucket", {**WHO, **labels, "le": le}, summed)
    return found


def _regression(metric: c.Metric, labels: dict[str, str], grown: tuple[float, float], slight: tuple[float, float],
                extra: list[Case]) -> list[Case]:  # fmt: skip
    """Last week's bucket, this week's bucket; 90 calls an hour."""
    weeks, recent = _WEEKS, _RECENT

    def story(
        before: dict[float, float], after: dict[float, float], then: float = 45, now: float = 45
    ) -> dict[str, str]:
        rates = {bound: [(then * before.get(bound, 0), weeks), (now * after.get(bound, 0), recent)]
                 for bound in {*before, *after}}  # fmt: skip
        return {**calls((then, {}, weeks), (now, {}, recent)), **_histogram(metric, rates, labels)}

    first, last = grown
    return [
        Case("slower", True, story({first: 1}, {last: 1}), _END, STEP),
        Case("grows by too little", False, story({slight[0]: 1}, {slight[1]: 1}), _END, STEP),
        Case("grows by a quarter", False, story({5.12: 1}, {5.12: 0.935, 10.24: 0.065}), _END, STEP),
        Case("few calls now", False, story({first: 1}, {last: 1}, now=15), _END, STEP),
        Case("few calls then", False, story({first: 1}, {last: 1}, then=15), _END, STEP),
        *extra,
    ]


def _slow_failures() -> Case:
    """Failures that got slow are not the successful calls' latency."""
    weeks, recent = _WEEKS, _RECENT
    fast = _histogram(c.DURATION, {1.28: [(45, weeks), (45, recent)]}, {c.label_name(c.ERROR_TYPE): ""})
    slow = _histogram(c.DURATION, {1.28: [(45, weeks), (0, recent)], 5.12: [(0, weeks), (45, recent)]},
                      {c.label_name(c.ERROR_TYPE): "timeout"})  # fmt: skip
    known = calls((90, {}, weeks + recent))
    return Case("failures got slow", False, {**known, **fast, **slow}, _END, STEP)


def _stuck() -> list[Case]:
    return [
        Case("stuck", True, gauge(c.OLDEST_INFLIGHT.series, WHO, 420, 20), 15),
        Case("long", False, gauge(c.OLDEST_INFLIGHT.series, WHO, 200, 20), 15),
        Case(
            "since three minutes",
            False,
            {key: f"200x12 {values}" for key, values in gauge(c.OLDEST_INFLIGHT.series, WHO, 420, 20).items()},
            15,
        ),
    ]


def _cost(*rates: tuple[float, int], step: int = 10) -> dict[str, str]:
    """Dollars per hour."""
    grown: Rate = [(dollars * step / 60, steps) for dollars, steps in rates]
    return series(c.COST.series, {**WHO, c.label_name(c.TOKEN_TYPE): "output"}, grown)


def _cost_spike() -> list[Case]:
    before = (WEEK + 120) // STEP
    busy = 4
    end = (before + busy) * STEP

    def case(name: str, fires: bool, *rates: tuple[float, int]) -> Case:
        return Case(name, fires, _cost(*rates, step=STEP), end, STEP)

    day = 24 * 60 // STEP
    same_hour = before - WEEK // STEP
    return [
        case("jump", True, (2.5, before), (12, busy)),
        case("jump of a young job", True, (0, before - day), (2.5, day), (12, busy)),
        case("cheap jump", False, (0.5, before), (3, busy)),
        case("doubled", False, (4.5, before), (11.5, busy)),
        case("weekly batch", False, (2.5, same_hour), (12, busy), (2.5, before - same_hour - busy), (12, busy)),
    ]


def _young_job() -> Case:
    end = 24 * 6 + 12
    return Case("no last week at all", True, _cost((2.5, 24 * 6), (12, 12)), (end - 2) * 10, 10)


def _budget(period: str, amount: float, steps: int) -> dict[str, str]:
    other = "month" if period == "day" else "day"
    return {**gauge(c.BUDGET.series, {c.PERIOD: period}, amount, steps),
            **gauge(c.BUDGET.series, {c.PERIOD: other}, amount * 1e6, steps)}  # fmt: skip


def _budgets(period: str, over: float, under: float, amount: float, hours: int) -> list[Case]:
    steps = hours * 6
    return [
        Case("over", True, {**_cost((over, steps)), **_budget(period, amount, steps)}, hours * 60, 10),
        Case("under", False, {**_cost((under, steps)), **_budget(period, amount, steps)}, hours * 60, 10),
        Case("no budget", False, _cost((over, steps)), hours * 60, 10),
    ]


def _unpriced() -> list[Case]:
    labels = {**WHO, c.REASON: "unknown_model"}
    return [
        Case("one call", True, series(c.UNPRICED.series, labels, [(0, 10), (1, 1), (0, 20)]), 25, labels=labels),
        Case("created at 0", False, series(c.UNPRICED.series, labels, [(0, 40)]), 25),
    ]


def _waste(metric: c.Metric, limit: float, *others: c.Metric) -> list[Case]:
    """``others`` are there and do not grow."""

    def story(dollars: float, share: float) -> dict[str, str]:
        found = _cost((dollars, 18))
        for each, part in ((metric, share), *((other, 0) for other in others)):
            found |= series(each.series, WHO, [(dollars / 6 * part, 18)])
        return found

    return [
        Case("much", True, story(2, limit * 1.5), 150, 10),
        Case("some", False, story(2, limit * 0.5), 150, 10),
        Case("cents", False, story(0.6, limit * 1.5), 150, 10),
    ]


def _attribution() -> list[Case]:
    """Two days by samples of ten minutes; the last hour and a half is what changed."""
    day, recent, end = 144, 9, (2 * 144 + 9) * 10

    def case(name: str, fires: bool, *rates: tuple[float, int], value: str = "acme") -> Case:
        labels = {**LIMIT, c.ATTRIBUTION_KEY: "tenant", c.ATTRIBUTION_VALUE: value}
        grown: Rate = [(dollars / 6, steps) for dollars, steps in rates]
        other = series(c.ATTRIBUTED_COST.series, {**labels, c.ATTRIBUTION_VALUE: "other"}, [(20, 2 * day + recent)])
        mine = series(c.ATTRIBUTED_COST.series, labels, grown)
        found = {c.ATTRIBUTION_KEY: "tenant", c.ATTRIBUTION_VALUE: value}
        return Case(name, fires, {**other, **mine}, end, 10, labels=found)

    return [
        case("one value jumps", True, (1.5, 2 * day), (12, recent)),
        case("a value that is new", True, (0, 2 * day), (12, recent)),
        case("doubled", False, (4, 2 * day), (11, recent)),
        case("cents", False, (0.2, 2 * day), (3, recent)),
        case("the same hour each day", False, (1, day), (12, recent), (1, day - recent), (12, recent)),
        case("far more than each day", True, (0.5, day), (6, recent), (0.5, day - recent), (24, recent)),
    ]


def _table(days: float) -> list[Case]:
    """A table's date stands in seconds since 1970, where the stories begin."""

    def story(age: float) -> dict[str, str]:
        return gauge(c.PRICES_TIME.series, {}, 3 * 3600 - age * 86400, 20)

    return [
        Case("old", True, story(days * 1.2), 180, 10),
        Case("recent", False, story(days * 0.7), 180, 10),
        Case("one replica was renewed", True, {**story(days * 1.2), **_renewed()}, 180, 10),
    ]


def _renewed() -> dict[str, str]:
    return {selector(c.PRICES_TIME.series, {}, REPLICAS[0]): "0x20"}


def _no_usage() -> list[Case]:
    def story(share: float, rate: float = 15) -> dict[str, str]:
        missing = _per_call(c.USAGE_MISSING.series, {c.REASON: "not_stated"}, share, rate, 15)
        return {**calls((rate, {}, 15)), **missing}

    return [
        Case("many", True, story(0.08), 130, 10),
        Case("some", False, story(0.03), 130, 10),
        Case("few calls", False, story(0.08, rate=5), 130, 10),
    ]


def _bloat() -> list[Case]:
    weeks, recent = _WEEKS, _RECENT
    kind = {c.label_name(c.TOKEN_TYPE): "input"}

    def story(before: float, after: float, then: float = 45, now: float = 45) -> dict[str, str]:
        tokens = series(c.CALL_TOKENS.series, {**WHO, **kind}, [(before * then, weeks), (after * now, recent)])
        return {**calls((then, {}, weeks), (now, {}, recent)), **tokens}

    return [
        Case("longer", True, story(300, 560), _END, STEP, labels=kind),
        Case("short prompts", False, story(60, 110), _END, STEP),
        Case("a third longer", False, story(1000, 1300), _END, STEP),
        Case("few calls now", False, story(300, 560, now=15), _END, STEP),
        Case("few calls then", False, story(300, 560, then=15), _END, STEP),
    ]


def _cache() -> list[Case]:
    before, recent = 24 * 6 + 6, 12
    end = (before + recent) * 10 - 20

    def story(then: float, now: float, rate: float = 15) -> dict[str, str]:
        found = calls((rate, {}, before + recent))
        # Three times as much output, which is no part of what could be cached.
        for kind, shares in (("input_cache_read", (then, now)), ("input", (1 - then, 1 - now)), ("output", (3, 3))):
            rates: Rate = [(shares[0] * 100 * rate, before), (shares[1] * 100 * rate, recent)]
            found |= series(c.CALL_TOKENS.series, {**WHO, c.label_name(c.TOKEN_TYPE): kind}, rates)
        return found

    return [
        Case("lost", True, story(0.5, 0.2), end, 10),
        Case("less", False, story(0.5, 0.35), end, 10),
        Case("there was little", False, story(0.15, 0.03), end, 10),
        Case("few calls", False, story(0.5, 0.2, rate=5), end, 10),
    ]


def _answers(metric: c.Metric, label: str, bad: str, other: str, over: float, under: float) -> list[Case]:
    steps = 15

    def story(value: str, share: float, rate: float = 15) -> dict[str, str]:
        found = calls((rate, {}, steps))
        rest = 1 - share if metric is c.FINISH else 0
        found |= series(metric.series, {**WHO, label: value}, [(rate * share, steps)])
        return found | series(metric.series, {**WHO, label: "stop"}, [(rate * rest, steps)])

    return [
        Case("many", True, story(bad, over), 130, 10),
        Case("some", False, story(bad, under), 130, 10),
        Case("another reason", False, story(other, 0.7), 130, 10),
        Case("few calls", False, story(bad, over, rate=5), 130, 10),
    ]


def _cut_for_a_while() -> list[Case]:
    """Many for forty minutes: in a window of ten it would be long enough, over the hour it is too few."""
    found = series(c.FINISH.series, {**WHO, c.label_name(c.FINISH_REASON): "length"}, [(0, 11), (15 * 0.12, 4)])
    found |= series(c.FINISH.series, {**WHO, c.label_name(c.FINISH_REASON): "stop"}, [(15, 11), (15 * 0.88, 4)])
    return [Case("for a while", False, {**calls((15, {}, 15)), **found}, 150, 10)]


def _refused_errors() -> list[Case]:
    return [
        Case("refused as errors", True, calls((15, {"content_filter": 0.08}, 15)), 130, 10),
        Case("other errors", False, calls((15, {"bad_request": 0.5}, 15)), 130, 10),
    ]


def _traffic() -> list[Case]:
    weeks, recent = _WEEKS, _RECENT

    reports = gauge(c.BUILD_INFO.series, {c.VERSION: "1"}, 1, weeks + recent)

    def story(then: float, now: float) -> dict[str, str]:
        return {**calls((then * HOURLY, {}, weeks), (now * HOURLY, {}, recent)), **reports}

    replaced = {key: f"{values} stale" for key, values in calls((150 * HOURLY, {}, weeks)).items()}
    return [
        Case("stopped", True, story(150, 20), _END, STEP),
        Case("replaced by a process that makes no call", True, {**replaced, **reports}, _END, STEP),
        Case("fewer", False, story(150, 60), _END, STEP),
        Case("never many", False, story(60, 8), _END, STEP),
        Case("gone altogether", False, replaced, _END, STEP),
    ]


def _absent() -> list[Case]:
    def seen(minutes: int) -> dict[str, str]:
        return {selector(c.BUILD_INFO.series, {c.VERSION: "1"}, replica): f"1x{minutes} stale" for replica in REPLICAS}

    left = {selector(c.BUILD_INFO.series, {c.VERSION: "1"}, REPLICAS[0]): "1x30 stale",
            selector(c.BUILD_INFO.series, {c.VERSION: "1"}, REPLICAS[1]): "1x90"}  # fmt: skip
    return [
        Case("gone", True, seen(60), 90),
        Case("there", False, seen(120), 90),
        Case("gone for ten hours", True, seen(60), 11 * 60),
        Case("just gone", False, seen(80), 100),
        Case("one of two left", False, left, 80),
        Case("gone for two days", False, seen(60), 2 * 24 * 60),
    ]


def _growing(metric: c.Metric, label: str, value: str) -> list[Case]:
    found = {label: value}
    return [
        Case("goes on", True, series(metric.series, found, [(0, 10), (0.5, 50)]), 50, labels=found),
        Case("created at 0", False, series(metric.series, found, [(0, 60)]), 50),
    ]


def _single_internal_error() -> Case:
    once: Rate = [(0, 30), (1, 1), (0, 30)]
    return Case("a single one", False, series(c.INTERNAL_ERRORS.series, {c.SITE: "hook"}, once), 42)


CASES: dict[str, list[Case]] = {
    **{
        f"OtelLLMErrorBudgetBurn-{long}-{short}": _burn(long, short, factor)
        for long, short, factor, _, _ in burns(CONFIG)
    },
    "OtelLLMErrorSpike": _spike(),
    "OtelLLMProviderOutage": _share("provider", 0.7, 0.5, 3, "rate_limit"),
    "OtelLLMOwnFault": _share("auth", 0.08, 0.05, 3, "provider"),
    "OtelLLMTimeouts": _share("timeout", 0.08, 0.05, 6, "provider"),
    "OtelLLMQuotaExhausted": _quota(),
    "OtelLLMRateLimited": _share("rate_limit", 0.04, 0.02, 6, "provider"),
    "OtelLLMRateLimitHeadroomLow": _headroom(),
    "OtelLLMRetryStorm": _retries(),
    "OtelLLMLatencyRegression": _regression(
        c.DURATION, {c.label_name(c.ERROR_TYPE): ""}, (1.28, 2.56), (0.64, 1.28), [_slow_failures()]
    ),
    "OtelLLMFirstTokenRegression": _regression(c.FIRST_CHUNK, {}, (0.64, 1.28), (0.32, 0.64), []),
    "OtelLLMStuckStreams": _stuck(),
    "OtelLLMCostSpike": [*_cost_spike(), _young_job()],
    "OtelLLMBudgetForecastExceeded": _budgets("day", 5, 3.5, 100, 8),
    "OtelLLMBudgetExceeded": _budgets("day", 5, 3.3, 100, 26),
    "OtelLLMMonthlyBudgetForecastExceeded": _budgets("month", 2, 1, 1000, 8 * 24),
    "OtelLLMUnpricedModel": _unpriced(),
    "OtelLLMPriceTableStale": _table(CONFIG.cost.table_days),
    "OtelLLMDuplicateCallWaste": _waste(c.DUPLICATE_COST, 0.2),
    "OtelLLMRetryWaste": [
        *_waste(c.RETRY_COST, 0.1, c.FAILED_COST),
        *(replace(case, name=f"{case.name}, calls given up") for case in _waste(c.FAILED_COST, 0.1, c.RETRY_COST)),
    ],
    "OtelLLMAttributionSpike": _attribution(),
    "OtelLLMTokensPerCallBloat": _bloat(),
    "OtelLLMCacheHitDrop": _cache(),
    "OtelLLMTruncationSpike": [
        *_answers(c.FINISH, c.label_name(c.FINISH_REASON), "length", "tool_call", 0.15, 0.06),
        *_cut_for_a_while(),
    ],
    "OtelLLMRefusalSpike": [*_answers(c.INVALID_OUTPUT, c.REASON, "refused", "empty", 0.08, 0.03), *_refused_errors()],
    "OtelLLMEmptyOutputSpike": _answers(c.INVALID_OUTPUT, c.REASON, "empty", "truncated", 0.04, 0.01),
    "OtelLLMModelMismatch": _answers(c.INVALID_OUTPUT, c.REASON, "model_mismatch", "empty", 0.08, 0.03),
    "OtelLLMUsageMissing": _no_usage(),
    "OtelLLMTrafficDrop": _traffic(),
    "OtelLLMTelemetryAbsent": _absent(),
    "OtelLLMTelemetryDropping": [*_growing(c.INTERNAL_ERRORS, c.SITE, "hook"), _single_internal_error()],
    "OtelLLMSeriesOverflow": _growing(c.LABEL_OVERFLOW, c.LABEL, "model"),
}
