"""Settings of the pack: every threshold with its bounds and the reason for its value.

A setting is named by its path: ``slo``, ``budget.month``, ``error_spike.ratio``. The defaults are starting values
reasoned from other mixins and from the arithmetic beside them, not measured on anybody's traffic.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from otel_llm import catalog


class SettingError(ValueError):
    """A setting of the pack is unknown or out of bounds; the message names it, its value and what is allowed."""


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the groups of settings."""


def _doc(reason: str) -> Meta:
    return Meta(description=reason)


Share = Annotated[float, Meta(gt=0, lt=1)]
Factor = Annotated[float, Meta(gt=1)]
Count = Annotated[float, Meta(gt=0)]
Amount = Annotated[float, Meta(gt=0)]
FINEST: Final = 1e-6
"""Smallest share of calls that an SLO may allow to fail."""


class Budget(Section, frozen=True, kw_only=True):
    """Budgets in US dollars per job; ``otel_llm.budget`` of the app wins where it is set."""

    day: Annotated[Annotated[float, Meta(ge=0)], _doc("0: only jobs that state a budget themselves are watched")] = 0
    month: Annotated[Annotated[float, Meta(ge=0)], _doc("0: only jobs that state a budget themselves are watched")] = 0
    near: Annotated[Share, _doc("of a budget: the last fifth is a few hours of a day, a week of a month")] = 0.80


class Burn(Section, frozen=True, kw_only=True):
    """Rates at which the error budget of 30 days burns: the table of the SRE workbook, ch. 5."""

    page_fast: Annotated[Amount, _doc("over 1 hour: 2% of the budget is gone in it")] = 14.4
    page_slow: Annotated[Amount, _doc("over 6 hours: 5% of the budget is gone in them")] = 6
    ticket_fast: Annotated[Amount, _doc("over 1 day: 10% of the budget is gone in it")] = 3
    ticket_slow: Annotated[Amount, _doc("over 3 days: 10% of the budget is gone in them")] = 1
    low: Annotated[Share, _doc("of the error budget: with a quarter left one bad day spends the rest")] = 0.25


class Guard(Section, frozen=True, kw_only=True):
    """Least traffic before an alert may speak."""

    burn_calls: Annotated[Count, _doc("one failure in 50 calls is 2%: below that a ratio is noise")] = 50
    short_calls: Annotated[Count, _doc("in 5 minutes: 20 calls make one failure 5%, under the 10% of a spike")] = 20
    outage_calls: Annotated[Count, _doc("in 5 minutes: more than half of 10 calls is six failures, no coincidence")] = (
        10
    )
    hour_calls: Annotated[Count, _doc("in an hour: a p95 of fewer than 50 calls rests on two of them")] = 50
    week_calls: Annotated[Count, _doc("in the same hour last week: less is too few to call a drop a drop")] = 100


class Errors(Section, frozen=True, kw_only=True):
    """Failed calls, as a share of all calls."""

    spike: Annotated[Share, _doc("ten times the default SLO's allowance")] = 0.10
    spike_factor: Annotated[Factor, _doc("against the job's own last day, so a bad normal does not repeat itself")] = 3
    outage: Annotated[Share, _doc("more calls fail than succeed: a switch of provider helps at once")] = 0.50
    own_fault: Annotated[Share, _doc("our mistakes come with a deploy and hit one call site: 5% is one of twenty")] = (
        0.05
    )
    rate_limited: Annotated[Share, _doc("what retries could not hide; a user sees these")] = 0.02
    timeouts: Annotated[Share, _doc("five times the default SLO's allowance")] = 0.05
    retries: Annotated[Amount, _doc("retries per call: half as many again is load on a provider in trouble")] = 0.5
    headroom: Annotated[Share, _doc("left of a rate limit: limits are per minute, 10% is six seconds")] = 0.10


class Latency(Section, frozen=True, kw_only=True):
    """Slow calls."""

    target: Annotated[
        Annotated[float, Meta(gt=0)],
        _doc("seconds; one of the histogram's buckets, else the share under it could only be guessed"),
    ] = 10.24
    target_share: Annotated[Share, _doc("of successful calls that are to end within latency.target")] = 0.95
    factor: Annotated[Factor, _doc("against the same hour last week; less is the weather")] = 1.5
    seconds: Annotated[Amount, _doc("growth in seconds that a user notices on a whole answer")] = 1.0
    first_seconds: Annotated[Amount, _doc("growth in seconds that a user notices before the first token")] = 0.5
    stuck: Annotated[Amount, _doc("seconds; half of the SDKs' ten minute time-out, longer than any answer")] = 300


class Cost(Section, frozen=True, kw_only=True):
    """Money, in US dollars."""

    spike_factor: Annotated[Factor, _doc("last hour against the mean hour of the week")] = 3
    spike_week_factor: Annotated[Factor, _doc("against the same hour last week: a weekly batch stays silent")] = 2
    spike_floor: Annotated[Amount, _doc("dollars per hour: below it nobody gets up")] = 5
    duplicate_share: Annotated[Share, _doc("of spend: a cache would save a fifth of the bill")] = 0.20
    duplicate_floor: Annotated[Amount, _doc("dollars per hour of spend: below it a cache is not worth its code")] = 1
    retry_share: Annotated[Share, _doc("of spend, on attempts that failed: one dollar in ten bought nothing")] = 0.10
    retry_floor: Annotated[Amount, _doc("dollars per hour of spend: below it the retries cost cents")] = 1
    attribution_factor: Annotated[
        Factor, _doc("one value's last hour against its mean hour of the day: one tenant or feature ran away")
    ] = 4
    attribution_day_factor: Annotated[Factor, _doc("against the same hour yesterday: a nightly batch stays silent")] = 2
    attribution_floor: Annotated[Amount, _doc("dollars per hour of one value: below it nobody asks who it was")] = 5
    priced_low: Annotated[Share, _doc("of calls with a price: with one in twenty missing, budgets are not held")] = 0.95
    table_days: Annotated[Amount, _doc("age of the price table: providers bring out models every quarter")] = 90
    costly_call: Annotated[Amount, _doc("dollars: twenty times what an ordinary chat call costs")] = 0.10


class Output(Section, frozen=True, kw_only=True):
    """Answers and tokens."""

    bloat_factor: Annotated[Factor, _doc("tokens per call against last week; a prompt edit moves a few percent")] = 1.5
    bloat_tokens: Annotated[Amount, _doc("tokens per call: growth by less costs nothing that matters")] = 100
    cache_drop: Annotated[Share, _doc("cached share now, as a share of yesterday's: half of the saving is gone")] = 0.5
    cache_floor: Annotated[Share, _doc("cached share yesterday: below it there was nothing much to lose")] = 0.20
    truncated: Annotated[Share, _doc("of answers; one in ten cut off is a limit set too low, not long questions")] = (
        0.10
    )
    refused: Annotated[Share, _doc("of calls; refusals are rare in products that work")] = 0.05
    invalid: Annotated[Share, _doc("of calls; each costs a repair call or an error further on")] = 0.02
    mismatched: Annotated[Share, _doc("of calls that another model served; an alias moves all of them at once")] = 0.05
    usage_missing: Annotated[Share, _doc("of calls without usage: tokens, cost and budgets lack as much")] = 0.05


class Traffic(Section, frozen=True, kw_only=True):
    """Calls and telemetry that stopped."""

    drop: Annotated[Share, _doc("of the same hour last week: holidays halve traffic, faults end it")] = 0.20
    ignore_jobs: Annotated[str, _doc("regular expression of batch jobs that may vanish; empty: none")] = ""


class Links(Section, frozen=True, kw_only=True):
    """Where alerts point to."""

    runbooks: Annotated[str, _doc("folder or address that holds the runbooks; relative: to the exported files")] = (
        "runbooks"
    )
    datasource: Annotated[str, _doc("uid of the Prometheus data source that Grafana-managed rules ask")] = "prometheus"
    grafana: Annotated[str, _doc("address of Grafana, put before dashboard links; empty: links start at /d/")] = ""


MAIN: Final = {
    catalog.DURATION.name: catalog.MAIN_DURATION,
    catalog.FIRST_CHUNK.name: catalog.MAIN_FIRST_CHUNK,
    catalog.OUTPUT_CHUNK.name: catalog.MAIN_OUTPUT_CHUNK,
}
"""What inference has on the conventions' main branch, by released name."""


class PackConfig(Section, frozen=True, kw_only=True):
    """All settings of dashboards and rules."""

    slo: Annotated[
        Share, _doc("of calls that must not fail by the provider's or a limit's fault; providers promise 99.9%")
    ] = 0.99
    semconv: Annotated[Literal["released", "main"], _doc("which names of the GenAI conventions the app emits")] = (
        "released"
    )
    budget: Budget = Budget()
    burn: Burn = Burn()
    guard: Guard = Guard()
    errors: Errors = Errors()
    latency: Latency = Latency()
    cost: Cost = Cost()
    output: Output = Output()
    traffic: Traffic = Traffic()
    links: Links = Links()

    @property
    def allowance(self) -> float:
        """Share of calls that may fail, from :attr:`slo`."""
        return round(1 - self.slo, 9)  # 1 - 0.99 is 0.010000000000000009

    def metric_name(self, metric: catalog.Metric) -> str:
        """Prometheus name to query, by :attr:`semconv`."""
        return (MAIN.get(metric.name, metric) if self.semconv == "main" else metric).series

    def metrics(self) -> tuple[catalog.Metric, ...]:
        """What the app emits, by :attr:`semconv`."""
        return catalog.METRICS if self.semconv == "released" else catalog.MAIN_METRICS


class Setting(msgspec.Struct, frozen=True):
    """One setting, as documentation shows it."""

    path: str
    default: object
    reason: str
    allowed: str


_BOUNDS: Final = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def _metas(hint: Any) -> Iterator[Meta]:
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        yield from _metas(inner)
        yield from (note for note in notes if isinstance(note, Meta))


def _allowed(hint: Any, default: object) -> str:
    bounds = [f"{sign} {getattr(meta, key):g}" for meta in _metas(hint) for key, sign in _BOUNDS.items()
              if getattr(meta, key) is not None]  # fmt: skip
    base = get_args(hint)[0]
    if get_origin(base) is Literal:
        return " or ".join(map(str, get_args(base)))
    return ("number " + ", ".join(bounds)).strip() if not isinstance(default, str) else "text"


def settings(section: Section | None = None, prefix: str = "") -> Iterator[Setting]:
    """Every setting with its default, bounds and reason, in the order of this file."""
    section = section or PackConfig()
    for name, hint in get_type_hints(type(section), include_extras=True).items():
        default = getattr(section, name)
        if isinstance(default, Section):
            yield from settings(default, f"{prefix}{name}.")
            continue
        reason = next((meta.description for meta in _metas(hint) if meta.description), "")
        yield Setting(prefix + name, default, reason, _allowed(hint, default))


def configure(assignments: Iterable[str]) -> PackConfig:
    """Settings from ``path=value`` texts over the defaults, e.g. ``["slo=0.995", "budget.month=5000"]``.

    Raises :class:`SettingError` where a path is unknown or a value is not allowed.
    """
    known = {setting.path: setting for setting in settings()}
    tree: dict[str, Any] = {}
    for assignment in assignments:
        path, equals, value = assignment.partition("=")
        path = path.strip()
        if not equals:
            raise SettingError(f"setting {assignment!r}: write it as path=value, e.g. slo=0.995")
        if path not in known:
            raise SettingError(f"setting {path!r} is not known; known are: {', '.join(known)}")
        _check(known[path], value.strip())
        branch = tree
        *parents, leaf = path.split(".")
        for parent in parents:
            branch = branch.setdefault(parent, {})
        branch[leaf] = value.strip()
    config = msgspec.convert(tree, PackConfig, strict=False)
    _check_together(config)
    return config


def _check(setting: Setting, value: str) -> None:
    tree: Any = value
    for name in reversed(setting.path.split(".")):
        tree = {name: tree}
    try:
        config = msgspec.convert(tree, PackConfig, strict=False)
    except msgspec.ValidationError as error:
        raise SettingError(f"setting {setting.path}={value!r}: allowed is {setting.allowed}") from error
    if not isinstance(setting.default, str) and not math.isfinite(float(value)):
        raise SettingError(f"setting {setting.path}={value!r}: allowed is {setting.allowed}, and finite")
    if config.latency.target not in catalog.SECONDS:
        buckets = ", ".join(f"{bound:g}" for bound in catalog.SECONDS)
        raise SettingError(f"setting {setting.path}={value!r}: allowed are the histogram's buckets: {buckets}")
    if setting.path == "links.grafana" and value and not _ADDRESS.match(value):
        raise SettingError(f"setting {setting.path}={value!r}: an address begins with http:// or https://")
    if setting.path == "traffic.ignore_jobs" and (problem := _unfit_pattern(value)):
        raise SettingError(f"setting {setting.path}={value!r}: {problem}")


_NOT_RE2: Final = re.compile(r"\\[1-9Z]|\(\?(?:[=!>#(]|<[=!]|P=)|[*+?}]\+")
"""What Python's regular expressions have and Prometheus' (RE2) refuse."""


_ADDRESS: Final = re.compile(r"https?://[^/]")


def relative_links(config: PackConfig) -> Iterator[str]:
    """What is wrong with links of alerts that only work beside the exported files, by the setting that mends it."""
    for path, value, what in (
        ("links.runbooks", config.links.runbooks, "runbook_url: publish the folder runbooks"),
        ("links.grafana", config.links.grafana, "dashboard_url: say where Grafana is"),
    ):
        if not _ADDRESS.match(value):
            yield f"a notification cannot open its {what} and --set {path}=https://... (now {value!r})"


def _unfit_pattern(value: str) -> str:
    """Why Prometheus would not take the regular expression; empty where it would."""
    if '"' in value:
        return "a job's name holds no quotation marks"
    try:
        re.compile(value)
    except re.error as error:
        return f"not a regular expression: {error}; write a literal bracket as [(]"
    found = _NOT_RE2.search(value)
    return f"Prometheus' regular expressions have no {found[0]!r}; list the jobs with | instead" if found else ""


def _check_together(config: PackConfig) -> None:
    """What is wrong only beside another setting."""
    if config.allowance < FINEST:
        raise SettingError(
            f"setting slo={config.slo!r}: allowed is at most {1 - FINEST:g}, one failure in a million calls; nobody "
            "has the traffic to tell more nines apart"
        )
    for name in ("page_fast", "page_slow", "ticket_fast", "ticket_slow"):
        factor: float = getattr(config.burn, name)
        if factor * config.allowance >= 1:
            raise SettingError(
                f"setting slo={config.slo!r}: burning {factor:g} times faster (burn.{name}) would take more failures "
                f"than calls, so the alert could never fire; allowed is slo above {1 - 1 / factor:.4g}, or a smaller "
                f"burn.{name}"
            )
