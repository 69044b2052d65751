"""Alerts on what goes in and comes out: tokens, cache, and answers that are of no use."""

from __future__ import annotations

from typing import Final

from otel_llm import catalog as c
from otel_llm.pack import promql as q
from otel_llm.pack import records, signals
from otel_llm.pack.alerts.alert import (
    COUNT,
    PERCENT,
    WHERE_MODEL,
    Alert,
    Look,
    Runbook,
    label,
    percent,
    traffic,
)  # fmt: skip
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import MODEL, Scope
from otel_llm.pack.records import PER_MODEL

_HOUR: Final = Scope(window="1h")
_SAMPLES: Final = Look("A few calls of the model: finish reason, tokens, request parameters.", board="traces",
                       panel="Slow calls")  # fmt: skip
_USELESS: Final = Look("Which reason, since when, and whether a deploy line stands before it.", board="tokens",
                       panel="Useless answers")  # fmt: skip
_SERVED: Final = Look(
    "Whether another model answers than before.",
    query=signals.SERVED.expr(_HOUR.per(*PER_MODEL, q.SERVED_MODEL)),
)


def _rare(config: PackConfig) -> str:
    return f"Fewer than {config.guard.hour_calls:g} calls an hour never alert."


def _bloat(config: PackConfig) -> Alert:
    tokens, factor, least = records.TOKENS_PER_CALL, config.output.bloat_factor, config.output.bloat_tokens
    return Alert(
        name="TokensPerCallBloat", severity="warning", hold="30m", keep="30m", labels=(*PER_MODEL, q.TOKEN_TYPE),
        when=f"{tokens} > {factor:g} * {tokens} offset 1w",
        guards=(
            f"and {tokens} - {tokens} offset 1w > {least:g}",
            traffic("1h", config.guard.hour_calls, PER_MODEL),
            traffic("1h", config.guard.hour_calls, PER_MODEL, offset="1w"),
        ),
        summary=f"{WHERE_MODEL}: calls carry more tokens ({label(q.TOKEN_TYPE)})",
        description=f"{COUNT} tokens of type {label(q.TOKEN_TYPE)} per call over the last hour, more than "
        f"{factor:g} times the same hour last week.",
        board="tokens", panel="Tokens per call by type",
        runbook=Runbook(
            symptom=f"Tokens per call are {factor:g} times last week's.",
            meaning="input: prompt, history, tools or retrieved text grew. output: answers got longer. "
            "output_reasoning: more thinking. Cost and latency follow.",
            looks=(
                Look("Which type; the dashed line is last week.", board="tokens", panel="Tokens per call by type"),
                Look("What it costs: dollars per hour by type.",
                     query=signals.SPEND_PER_HOUR.expr(_HOUR.per(*PER_MODEL, q.TOKEN_TYPE))),
                _SAMPLES,
            ),
            fault="input types: ours. output types at the same prompt: the served model or its defaults changed.",
            mitigate=("Cut history, tool schemas and retrieved text to what answers need.",
                      "Lower max_tokens or reasoning effort."),
            after="If a feature needs it, next week's comparison accepts it by itself.",
            false_alarm=f"Growth by less than {least:g} tokens never alerts. {_rare(config)}",
        ),
    )  # fmt: skip


def _cache(config: PackConfig) -> Alert:
    share, drop, floor = records.CACHE_SHARE, config.output.cache_drop, config.output.cache_floor
    return Alert(
        name="CacheHitDrop", severity="warning", hold="30m", keep="30m", labels=PER_MODEL,
        when=f"{share} < {drop:g} * {share} offset 1d",
        guards=(f"and {share} offset 1d > {floor:g}", traffic("1h", config.guard.hour_calls, PER_MODEL)),
        summary=f"{WHERE_MODEL}: the prompt cache hits less",
        description=f"{PERCENT} of the input tokens of {label(MODEL)} came from the cache in the last hour, less than "
        f"{percent(drop)} of yesterday's share.",
        board="cost", panel="Cached share of input",
        runbook=Runbook(
            symptom=f"The cached share of input fell under {percent(drop)} of yesterday's.",
            meaning="Prompts no longer begin alike, or come too rarely for the cache to live. Input costs up to ten "
            "times as much, and first tokens come later.",
            looks=(
                Look("Since when, and whether a deploy line stands there.", board="cost",
                     panel="Cached share of input"),
                Look("Reading and writing of the cache, in tokens per second.",
                     query=signals.TOKEN_RATE.expr(_HOUR.per(*PER_MODEL, q.TOKEN_TYPE))),
                _SAMPLES,
            ),
            fault="Ours nearly always: a time stamp or id at the start of the prompt, reordered tools, a new region.",
            mitigate=("Move what changes to the prompt's end.", "Keep tools and system prompt in a fixed order.",
                      "Send a job's calls to one region."),
            after="Check what the cache saves per hour on the Cost dashboard.",
            false_alarm=f"Only where yesterday's share was above {percent(floor)}. {_rare(config)}",
        ),
    )  # fmt: skip


def _truncated(config: PackConfig) -> Alert:
    cut = f"{records.FINISH_SHARE}{{{q.equal(q.FINISH_REASON, 'length')}}}"
    return Alert(
        name="TruncationSpike", severity="warning", hold="30m", keep="15m", labels=PER_MODEL,
        when=f"sum {q.by(PER_MODEL)}({cut}) > {config.output.truncated:g}",
        guards=(traffic("1h", config.guard.hour_calls, PER_MODEL),),
        summary=f"{WHERE_MODEL}: answers are cut off",
        description=f"{PERCENT} of the answers of {label(MODEL)} were cut by a length limit in the last hour.",
        board="tokens", panel="Finish reasons",
        runbook=Runbook(
            symptom=f"More than {percent(config.output.truncated)} of the answers end for want of room.",
            meaning="The answer hit max_tokens or the context window. It was paid for and is mostly of no use.",
            looks=(
                Look("Since when the share of `length` grows.", board="tokens", panel="Finish reasons"),
                Look("What cut-off answers cost per hour.", query=signals.TRUNCATED_SPEND.expr(_HOUR.per(*PER_MODEL))),
                _SAMPLES,
            ),
            fault="Ours: a limit too low for the task. With reasoning models the thinking may use the whole limit.",
            mitigate=("Raise max_tokens.", "Lower reasoning effort.", "Ask for shorter answers, or in parts."),
            after="The dollars on cut-off answers (Cost, Waste) should fall.",
            false_alarm=f"Classifiers that ask for one token on purpose: raise output.truncated. {_rare(config)}",
        ),
    )  # fmt: skip


def _refused(config: PackConfig) -> Alert:
    share = signals.REFUSED_SHARE.expr(Scope(config=config, window="1h").per(*PER_MODEL))
    return Alert(
        name="RefusalSpike", severity="warning", hold="30m", keep="15m", labels=PER_MODEL,
        when=f"{share} > {config.output.refused:g}",
        guards=(traffic("1h", config.guard.hour_calls, PER_MODEL),),
        summary=f"{WHERE_MODEL}: calls are refused or filtered",
        description=f"{PERCENT} of the calls to {label(MODEL)} were refused by the model or stopped by a content "
        "filter in the last hour.",
        board="tokens", panel="Refused or filtered",
        runbook=Runbook(
            symptom=f"More than {percent(config.output.refused)} of the calls are refused or filtered.",
            meaning="A refusal in the answer, a filtered answer, or a prompt that the provider would not take.",
            looks=(
                Look("Which model, since when.", board="tokens", panel="Refused or filtered"),
                Look("Refused and filtered answers per second by job.",
                     query=_HOUR.per(*PER_MODEL, q.REASON).rate(c.INVALID_OUTPUT, q.one_of(q.REASON, signals.REFUSED))),
                _SAMPLES,
            ),
            fault="One job, right after a prompt change: ours. One tenant: somebody tries the limits. All jobs: the "
            "provider changed its policy or the served model.",
            mitigate=("Roll back the prompt.", "Block the source of abusive input.",
                      "Route harmless cases to another model."),
            after="Add the refused cases to the evaluation set.",
            false_alarm=_rare(config),
        ),
    )  # fmt: skip


def _broken(config: PackConfig) -> Alert:
    share = signals.BROKEN_SHARE.expr(Scope(config=config, window="1h").per(*PER_MODEL))
    return Alert(
        name="EmptyOutputSpike", severity="warning", hold="30m", keep="15m", labels=PER_MODEL,
        when=f"{share} > {config.output.invalid:g}",
        guards=(traffic("1h", config.guard.hour_calls, PER_MODEL),),
        summary=f"{WHERE_MODEL}: answers cannot be used",
        description=f"{PERCENT} of the calls to {label(MODEL)} returned in the last hour an answer that is empty, not "
        "the JSON asked for, or calls a tool wrongly.",
        board="tokens", panel="Useless answers",
        runbook=Runbook(
            symptom=f"More than {percent(config.output.invalid)} of the answers cannot be used by a program.",
            meaning="empty: no text and no tool call. invalid_json: JSON was asked for and not given. "
            "invalid_tool_arguments: arguments that are not JSON. unknown_tool: a tool that was not offered.",
            looks=(_USELESS, _SERVED, _SAMPLES),
            fault="Served model changed: theirs or an alias of ours. A deploy line at the start: our schema or tools.",
            mitigate=("Roll back the schema or tool change.", "Pin the dated model.",
                      "Use the provider's strict schema mode."),
            after="Count repair calls in the app: they hide this in cost.",
            false_alarm=_rare(config),
        ),
    )  # fmt: skip


def _mismatched(config: PackConfig) -> Alert:
    share = signals.MISMATCH_SHARE.expr(Scope(config=config, window="1h").per(*PER_MODEL))
    return Alert(
        name="ModelMismatch", severity="warning", hold="30m", keep="30m", labels=PER_MODEL,
        when=f"{share} > {config.output.mismatched:g}",
        guards=(traffic("1h", config.guard.hour_calls, PER_MODEL),),
        summary=f"{WHERE_MODEL}: another model answers",
        description=f"{PERCENT} of the calls that asked for {label(MODEL)} were answered by another model in the last "
        "hour.",
        board="tokens", panel="Useless answers",
        runbook=Runbook(
            symptom=f"More than {percent(config.output.mismatched)} of a model's calls are served by another model.",
            meaning="The answer names a model that is not the one asked, nor a dated version of it. Quality, latency "
            "and price are the other model's.",
            looks=(_USELESS, _SERVED,
                   Look("Which model answers what was asked.", board="tokens", panel="Asked and served models")),
            fault="A gateway or router of ours that falls back: ours. The provider's own endpoint: theirs, a retired "
            "or redirected model.",
            mitigate=("Ask for the dated model.", "Switch off the gateway's silent fallback.",
                      "Or accept it, and ask for the model that serves."),
            after="Run the evaluation set against the model that answers.",
            false_alarm=f"A router that is meant to choose: raise output.mismatched. {_rare(config)}",
        ),
    )  # fmt: skip


def _usage(config: PackConfig) -> Alert:
    share = signals.USAGE_MISSING.expr(Scope(config=config, window="1h").per(*PER_MODEL))
    return Alert(
        name="UsageMissing", severity="warning", hold="30m", keep="15m", labels=PER_MODEL,
        when=f"{share} > {config.output.usage_missing:g}",
        guards=(traffic("1h", config.guard.hour_calls, PER_MODEL),),
        summary=f"{WHERE_MODEL}: answers come without token usage",
        description=f"{PERCENT} of the calls to {label(MODEL)} stated no usable usage in the last hour: their tokens "
        "and dollars are missing from every figure, and from every budget.",
        board="tokens", panel="Calls without usage",
        runbook=Runbook(
            symptom=f"More than {percent(config.output.usage_missing)} of a model's calls have no token usage.",
            meaning="not_stated: the provider sent none. stream_unfinished: the stream was left before its end, where "
            "usage stands. undecodable, inconsistent: what was sent is of no use. Nothing is estimated.",
            looks=(
                Look("Which model, since when.", board="tokens", panel="Calls without usage"),
                Look("Why, in calls of the last hour.",
                     query=_HOUR.per(*PER_MODEL, q.REASON).increase(c.USAGE_MISSING)),
                _SAMPLES,
            ),
            fault="Streams of OpenAI's format without stream_options.include_usage, or streams that we leave early: "
            "ours. A gateway that drops usage: whoever runs it.",
            mitigate=("Ask for usage: stream_options={'include_usage': True}.", "Read streams to their end.",
                      "Update the gateway or self-hosted server."),
            after="Spend rises by what was missing: tell whoever watches the budget.",
            false_alarm=f"Users who stop answers: raise output.usage_missing. {_rare(config)}",
        ),
    )  # fmt: skip


def alerts(config: PackConfig) -> tuple[Alert, ...]:
    """Alerts on tokens and answers."""
    return (
        _bloat(config), _cache(config), _truncated(config), _refused(config), _broken(config), _mismatched(config),
        _usage(config),
    )  # fmt: skip
