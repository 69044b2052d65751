"""Alerts on slow calls and on calls that do not end."""

from __future__ import annotations

from typing import Final

from otel_llm import catalog as c
from otel_llm.pack import records, signals
from otel_llm.pack.alerts.alert import DURATION, WHERE_MODEL, Alert, Look, Runbook, label, traffic
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import MODEL, Scope
from otel_llm.pack.records import PER_MODEL

_SLOW: Final = Look("The slowest calls: where their time went, and how many tokens they made.", board="traces",
                    panel="Slow calls")  # fmt: skip


def _guards(config: PackConfig, recorded: str, seconds: float) -> tuple[str, ...]:
    return (
        f"and {recorded} - {recorded} offset 1w > {seconds:g}",
        traffic("1h", config.guard.hour_calls, PER_MODEL),
        traffic("1h", config.guard.hour_calls, PER_MODEL, offset="1w"),
    )


def _duration(config: PackConfig) -> Alert:
    p95 = records.quantile(c.DURATION, 95, "1h")
    factor, seconds = config.latency.factor, config.latency.seconds
    return Alert(
        name="LatencyRegression", severity="warning", hold="15m", keep="15m", labels=PER_MODEL,
        when=f"{p95} > {factor:g} * {p95} offset 1w", guards=_guards(config, p95, seconds),
        summary=f"{WHERE_MODEL}: calls got slower than last week",
        description=f"p95 of successful calls to {label(MODEL)} is {DURATION} over the last hour, more than "
        f"{factor:g} times and {seconds:g} s above the same hour last week.",
        board="latency", panel="p95 duration by model",
        runbook=Runbook(
            symptom=f"p95 duration is {factor:g} times last week's at the same hour.",
            meaning="Calls that succeed take longer. Either answers got longer, or the provider got slower.",
            looks=(
                Look("Since when; the dashed line is last week.", board="latency", panel="p95 duration by model"),
                Look("Output tokens per call now: duration follows them.", query=records.TOKENS_PER_CALL),
                _SLOW,
            ),
            fault="Tokens per call grew with it: ours. Tokens are flat and the first chunk or the chunk gap grew: "
            "theirs. Served model changed (Tokens and output): theirs, or an alias moved.",
            mitigate=("Ours: lower max_tokens or reasoning effort, shorten the prompt.",
                      "Theirs: move to another region or model, or pin the dated model."),
            after="If the new duration is the price of better answers, next week's comparison accepts it by itself.",
            false_alarm=f"Needs {config.guard.hour_calls:g} calls in this hour and in last week's.",
        ),
    )  # fmt: skip


def _first_chunk(config: PackConfig) -> Alert:
    p95 = records.quantile(c.FIRST_CHUNK, 95, "1h")
    factor, seconds = config.latency.factor, config.latency.first_seconds
    return Alert(
        name="FirstTokenRegression", severity="warning", hold="15m", keep="15m", labels=PER_MODEL,
        when=f"{p95} > {factor:g} * {p95} offset 1w", guards=_guards(config, p95, seconds),
        summary=f"{WHERE_MODEL}: streams start later than last week",
        description=f"p95 time to the first chunk of {label(MODEL)} is {DURATION} over the last hour, more than "
        f"{factor:g} times and {seconds:g} s above the same hour last week.",
        board="latency", panel="First chunk",
        runbook=Runbook(
            symptom=f"p95 time to the first chunk is {factor:g} times last week's at the same hour.",
            meaning="Users look at an empty screen for longer. The time goes into queueing at the provider, reading "
            "the prompt, or reasoning before the first visible token.",
            looks=(
                Look("Since when, and whether p50 moved too.", board="latency", panel="First chunk"),
                Look("Cached share of input: a lost prompt cache costs reading time.", query=records.CACHE_SHARE),
                _SLOW,
            ),
            fault="Prompt grew or cache was lost: ours. Both flat: theirs, a queue.",
            mitigate=("Keep the prompt's beginning stable, so that it is cached.", "Lower reasoning effort.",
                      "Use the provider's priority tier or another region."),
            after="Watch the cached share for a day.",
            false_alarm=f"Needs {config.guard.hour_calls:g} calls in this hour and in last week's.",
        ),
    )  # fmt: skip


def _stuck(config: PackConfig) -> Alert:
    age = signals.OLDEST_OPEN.expr(Scope(config=config).per(*PER_MODEL))
    return Alert(
        name="StuckStreams", severity="warning", hold="5m", labels=PER_MODEL,
        when=f"{age} > {config.latency.stuck:g}",
        summary=f"{WHERE_MODEL}: a call does not end",
        description=f"The oldest open call to {label(MODEL)} is {DURATION} old.",
        board="latency", panel="Oldest open call",
        runbook=Runbook(
            symptom=f"A call has been open for more than {config.latency.stuck:g} seconds, for 5 minutes.",
            meaning="A stream that nobody reads to its end and nobody closes, or a provider that stopped sending "
            "without closing. Each holds a connection of the pool.",
            looks=(
                Look("A rising line is one stuck call; a saw-tooth is many long ones.", board="latency",
                     panel="Oldest open call"),
                Look("How many are open, by instance.",
                     query=signals.IN_FLIGHT.expr(Scope().per(*PER_MODEL, "instance"))),
                Look("Traces of the job that lack their LLM span: it is written when the call ends.", board="traces",
                     panel="Slow calls"),
            ),
            fault="One instance only: ours, a consumer left the stream open (use `with`). All instances: theirs.",
            mitigate=("Restart the instance if its connection pool is used up.", "Set a read time-out on the client.",
                      "Close streams in a `with` block or `finally`."),
            after="Find the code path that leaves the stream; abandoned streams are counted by outcome.",
            false_alarm="Batch jobs with very long reasoning: raise latency.stuck for them.",
        ),
    )  # fmt: skip


def alerts(config: PackConfig) -> tuple[Alert, ...]:
    """Alerts on latency."""
    return (_duration(config), _first_chunk(config), _stuck(config))
