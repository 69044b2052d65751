"""LLM / Errors and limits: them or us, and are we about to be throttled."""

from __future__ import annotations

from typing import Final

from otel_llm.pack import promql as q
from otel_llm.pack import records, signals
from otel_llm.pack.alerts.failures import burns
from otel_llm.pack.boards.board import IN_JOB, Board, Row, open_board, selection
from otel_llm.pack.boards.overview import NEEDS_RULES, errors_by_class
from otel_llm.pack.boards.panel import (
    BLUE,
    GREEN,
    ORANGE,
    PINK,
    RED,
    SKY,
    STONE,
    WINE,
    Column,
    Json,
    Query,
    link,
    series,
    table,
)  # fmt: skip
from otel_llm.pack.boards.ranked import ranked
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import MODEL, PROVIDER

_PROVIDER: Final = f"{{{{{PROVIDER}}}}}"
BURN_COLORS: Final = (RED, ORANGE, SKY, BLUE)
PROVIDER_COLORS: Final = {
    "openai": SKY, "azure.ai.openai": BLUE, "azure.ai.inference": "#00486F", "anthropic": PINK, "gcp.gemini": GREEN,
    "gcp.vertex_ai": STONE, "aws.bedrock": ORANGE, "mistral_ai": WINE,
}  # fmt: skip
"""Of the best known; others have Grafana's own, and dashes."""


def _fault(config: PackConfig) -> Row:
    s = selection(config).per(PROVIDER)
    e = config.errors
    lines = (link("Overview of this provider", open_board("overview", PROVIDER)),)
    return Row("Who is at fault", (
        (series("Their fault", "Share of calls that failed at the provider or on the way: server errors, overload, "
                "time-outs, broken connections. One provider: fail over. All at once: our network. Line: outage.",
                Query(signals.PROVIDER_FAULT.expr(s), _PROVIDER), unit="percentunit",
                limits=((e.outage, RED),), links=lines, colors=PROVIDER_COLORS, others=True), 8, 8),
        (series("Our fault", "Share of calls refused because the request was wrong: key, parameters, prompt too long, "
                "model gone. Retrying cannot help. Look for a deploy line at the start. Line: OwnFault.",
                Query(signals.OWN_FAULT.expr(s), _PROVIDER), unit="percentunit",
                limits=((e.own_fault, ORANGE),), links=lines, colors=PROVIDER_COLORS, others=True), 8, 8),
        (series("Limits", "Share of calls that failed by a rate limit or a spent quota, retries spent. Slow batch work "
                "down, or ask for a higher tier. Line: RateLimited.",
                Query(signals.LIMIT_FAULT.expr(s), _PROVIDER), unit="percentunit",
                limits=((e.rate_limited, ORANGE),), links=lines, colors=PROVIDER_COLORS, others=True), 8, 8),
    ))  # fmt: skip


def _burn_name(long: str, factor: float) -> str:
    return f"{long} (alert over {factor:g})"


def _rest(config: PackConfig) -> tuple[Row, ...]:
    chosen = "{" + ",".join((IN_JOB, f'{PROVIDER}=~"$provider"')) + "}"
    rates = tuple(Query(f"max ({records.slo_ratio(long)}{chosen}) / {config.allowance:g}", _burn_name(long, factor))
                  for long, _, factor, _, _ in burns(config))  # fmt: skip
    colors: dict[str, str] = dict(zip((rate.legend for rate in rates), BURN_COLORS, strict=True))
    limits = tuple((factor, RED if severity == "critical" else ORANGE)
                   for _, _, factor, _, severity in sorted(burns(config), key=lambda burn: burn[2]))  # fmt: skip
    hour = selection(config, "$__range").per(PROVIDER, MODEL, q.ERROR_TYPE)
    rows = (Column("Calls", f"topk(10, {signals.ERRORS_BY_TYPE.expr(hour)} > 0)", "locale", 0, RED),)
    return (
        Row("What fails", (
            (errors_by_class(config), 10, 12),
            (table("Errors by type", "The ten most frequent failures of the time shown, by the provider's own code or "
                   "the exception. Search the code in the traces for a request id.",
                   {PROVIDER: "Provider", MODEL: "Model", q.ERROR_TYPE: "Type"}, rows,
                   links=(link("Traces of this model", open_board("traces", MODEL, anchor="data")),),
                   none="no errors seen"), 14, 12),
        )),
        Row("SLO, limits and retries", (
            (series("Burn rate", "How many times faster than allowed the error budget burns, of the worst job and "
                    "provider chosen. 1: it lasts exactly 30 days. Lines: the alerts' factors. Reads recording rules.",
                    *rates, unit="none", limits=limits, colors=colors, none=NEEDS_RULES), 12, 9),
            *_limits(config),
        )),
    )  # fmt: skip


def _limits(config: PackConfig) -> tuple[tuple[Json, int, int], ...]:
    s = selection(config)
    limits = s.per(PROVIDER, MODEL, q.LIMIT_KIND)
    return (
        (series("Rate limit left", "Share of the limit that is left, as the provider stated last; the tightest "
                "instance. Under the line: RateLimitHeadroomLow, then 429. Providers that state no limit are not here.",
                *ranked(signals.HEADROOM.expr(limits), limits.by, f"-1 * {signals.HEADROOM.expr(limits.at_end())}",
                        named=(MODEL, q.LIMIT_KIND)),
                unit="percentunit", top=1.0, limits=((config.errors.headroom, ORANGE),),
                none="no limits stated", side=True), 12, 9),
        (series("Retries per call", "Attempts after the first, per call. Hidden trouble: the SDK tries again and the "
                "error ratio still looks fine. Line: RetryStorm.",
                Query(signals.RETRIES_PER_CALL.expr(s.per(PROVIDER)), _PROVIDER), unit="none",
                limits=((config.errors.retries, ORANGE),), colors=PROVIDER_COLORS, others=True), 12, 8),
        (series("Waiting between attempts", "Mean seconds that a call waits between attempts: what retries cost the "
                "user. Rising with few retries: cap the back-off, or fail over sooner.",
                Query(signals.RETRY_WAIT.expr(s.per(PROVIDER)), _PROVIDER), unit="s", colors=PROVIDER_COLORS,
                others=True), 12, 8),
    )  # fmt: skip


def board(config: PackConfig) -> Board:
    """The dashboard."""
    return Board(
        key="errors", title="LLM / Errors and limits",
        question="Is it them or us, and are we about to be throttled? For the person on call.",
        rows=(_fault(config), *_rest(config)),
    )  # fmt: skip
