"""Alerts on rate limits, quota and retries."""

from __future__ import annotations

from typing import Final

from otel_llm.pack import promql as q
from otel_llm.pack import signals
from otel_llm.pack.alerts.alert import (
    COUNT,
    NUMBER,
    PERCENT,
    WHERE,
    WHERE_MODEL,
    Alert,
    Look,
    Runbook,
    class_share,
    label,
    percent,
    traffic,
)  # fmt: skip
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import MODEL, Scope
from otel_llm.pack.records import PER_MODEL, PER_PROVIDER

_HEADROOM_PANEL: Final = Look("Which kind of limit, of which model, runs out.", board="errors", panel="Rate limit left")
_GROWTH: Final = Look(
    "Who grew: calls per second by job and model.", query=signals.CALL_RATE.expr(Scope().per(*PER_MODEL))
)
_RETRIED: Final = Look(
    "A retried call: each attempt is an event with its status and back-off.", board="traces", panel="Retried calls"
)


def _quota(config: PackConfig) -> Alert:
    return Alert(
        name="QuotaExhausted", severity="critical", hold="1m", keep="10m", labels=PER_PROVIDER,
        when=f"{signals.QUOTA.expr(Scope(config=config, window='10m').per(*PER_PROVIDER))} > 0",
        summary=f"{WHERE}: credit or quota is spent",
        description=f"Calls to {label(q.PROVIDER)} that were refused in the last 10 minutes because credit or "
        f"quota is spent: {COUNT}. Retries cannot help.",
        board="errors", panel="Limits",
        runbook=Runbook(
            symptom="The provider refuses calls because the account has no credit or quota left.",
            meaning="Every further call fails until somebody pays or the period ends. One refused call is real, so "
            "there is no threshold.",
            looks=(
                Look("Since when, and for which provider.", board="errors", panel="Limits"),
                Look("What spent it: dollars of the last day by job and model.",
                     query=signals.SPEND.expr(Scope(window="1d").per(*PER_MODEL))),
                Look("The provider's message on a refused call.", board="traces", panel="Failed calls"),
            ),
            fault="Ours: the account. If spend per hour jumped before, see CostSpike first: topping up feeds the loop.",
            mitigate=("Top up or raise the cap in the provider's console.", "Stop batch jobs and evaluations.",
                      "Switch users to the fallback provider."),
            after="Set budget.day and budget.month below the provider's cap, so that the forecast warns days before.",
            false_alarm="None known: it counts answers in which the provider names quota or billing.",
        ),
    )  # fmt: skip


def _rate_limited(config: PackConfig) -> Alert:
    return Alert(
        name="RateLimited", severity="warning", hold="5m", keep="5m", labels=PER_PROVIDER,
        when=f"{class_share(('rate_limit',))} > {config.errors.rate_limited:g}",
        guards=(traffic("5m", config.guard.short_calls),),
        summary=f"{WHERE}: calls fail by the rate limit",
        description=f"{PERCENT} of the calls to {label(q.PROVIDER)} failed in the last 5 minutes by a rate limit, "
        "retries spent.",
        board="errors", panel="Limits",
        runbook=Runbook(
            symptom=f"More than {percent(config.errors.rate_limited)} of a provider's calls fail with 429 after all "
            "retries.",
            meaning="We send more requests or tokens per minute than the account may. Users see these failures.",
            looks=(_HEADROOM_PANEL, _GROWTH, _RETRIED),
            fault="Ours. Theirs only if the stated limit itself fell: compare the limit with last week's.",
            mitigate=("Lower the concurrency of batch work.", "Spread load over models, regions or time.",
                      "Ask for a higher tier; cut tokens per call if the token limit binds."),
            after="Put a client-side limiter before the provider's at about 80% of it.",
            false_alarm=f"Fewer than {config.guard.short_calls:g} calls in 5 minutes never alert.",
        ),
    )  # fmt: skip


def _headroom(config: PackConfig) -> Alert:
    by_kind = (*PER_MODEL, q.LIMIT_KIND)
    return Alert(
        name="RateLimitHeadroomLow", severity="warning", hold="5m", keep="5m", labels=by_kind,
        when=f"{signals.HEADROOM.expr(Scope(config=config).per(*by_kind))} < {config.errors.headroom:g}",
        guards=(traffic("5m", config.guard.outage_calls, PER_MODEL),),
        summary=f"{WHERE_MODEL}: little is left of the rate limit ({label(q.LIMIT_KIND)})",
        description=f"{PERCENT} of the limit on {label(q.LIMIT_KIND)} is left for {label(MODEL)}. Next come 429 "
        "answers, retries and waiting.",
        board="errors", panel="Rate limit left",
        runbook=Runbook(
            symptom=f"For 5 minutes less than {percent(config.errors.headroom)} of a stated rate limit was left.",
            meaning="The limit is nearly used up, in the provider's own unit and window. Calls still succeed. "
            "Providers that state no limit never show here.",
            looks=(_HEADROOM_PANEL, _GROWTH, _RETRIED),
            fault="Ours: traffic or tokens per call grew. Compare both with last week.",
            mitigate=("Slow batch work down.", "tokens: shorten prompts, or lower max_tokens, which counts in full.",
                      "requests: join small calls."),
            after="If this is the normal peak, ask for a higher tier before growth makes it an incident.",
            false_alarm="A limit that refills at once after each call can read low right after a large one; five "
            "minutes of it are real.",
        ),
    )  # fmt: skip


def _retry_storm(config: PackConfig) -> Alert:
    return Alert(
        name="RetryStorm", severity="warning", hold="5m", keep="5m", labels=PER_PROVIDER,
        when=f"{signals.RETRIES_PER_CALL.expr(Scope(config=config).per(*PER_PROVIDER))} > {config.errors.retries:g}",
        guards=(traffic("5m", config.guard.short_calls),),
        summary=f"{WHERE}: calls need many retries",
        description=f"{NUMBER} retries per call to {label(q.PROVIDER)} in the last 5 minutes. Users wait, and the "
        "provider gets more load while it is in trouble.",
        board="errors", panel="Retries per call",
        runbook=Runbook(
            symptom=f"More than {config.errors.retries:g} retries per call.",
            meaning="The SDK hides failures by trying again. The error ratio may still look fine while each call "
            "takes seconds longer.",
            looks=(
                Look("Which provider, and how long calls wait between attempts.", board="errors",
                     panel="Retries per call"),
                Look("Why attempts fail.",
                     query=signals.RETRY_RATE.expr(Scope().per(*PER_PROVIDER, q.ERROR_CLASS))),
                _RETRIED,
            ),
            fault="rate_limit: our load. provider, overloaded, timeout, network: theirs or the way to them.",
            mitigate=("Honour retry-after and add jitter.", "Cap attempts at two for calls a user waits for.",
                      "Do not retry in two layers: the app's own loop multiplies with the SDK's."),
            after="Look at the dollars on failed attempts (Cost dashboard, Waste) and set the retry budget by them.",
            false_alarm=f"Fewer than {config.guard.short_calls:g} calls in 5 minutes never alert.",
        ),
    )  # fmt: skip


def alerts(config: PackConfig) -> tuple[Alert, ...]:
    """Alerts on limits and retries."""
    return (_quota(config), _rate_limited(config), _headroom(config), _retry_storm(config))
