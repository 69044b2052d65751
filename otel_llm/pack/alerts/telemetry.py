"""Alerts on silence: calls that stopped, and telemetry that stopped or lies."""

from __future__ import annotations

from typing import Final

from otel_llm import catalog as c
from otel_llm.pack import promql as q
from otel_llm.pack import records, signals
from otel_llm.pack.alerts.alert import COUNT, PERCENT, Alert, Look, Runbook, label, percent
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import JOB, Scope

_UP: Final = Look("Whether Prometheus reaches the target (a scrape only; over OTLP look at the Collector).", query="up")
_INSTANCES: Final = Look("How many instances report, and since when fewer.", board="overview",
                         panel="Instances reporting")  # fmt: skip
_ANY_TRACE: Final = Look("Whether spans of the job still arrive: if so, only metrics are lost.", board="traces",
                         panel="Slow calls")  # fmt: skip


def _drop(config: PackConfig) -> Alert:
    now = q.total((JOB,), records.calls("1h"))
    before = q.total((JOB,), records.calls("1h") + " offset 1w")
    reports = signals.INSTANCES.expr(Scope(config=config).per(JOB))
    share, least = config.traffic.drop, config.guard.week_calls
    return Alert(
        name="TrafficDrop", severity="warning", hold="15m", keep="15m", labels=(JOB,),
        # A process that was replaced and makes no calls has no series of this week at all.
        when=f"{q.ratio(now, before)} < {share:g}",
        guards=(f"and {q.on((JOB,))} {before} * 3600 >= {least:g}", f"and {q.on((JOB,))} {reports}"),
        summary=f"{label(JOB)}: LLM calls nearly stopped",
        description=f"{PERCENT} of the calls of the same hour last week were made in the last hour.",
        board="overview", panel="Calls by model",
        runbook=Runbook(
            symptom=f"Calls fell under {percent(share)} of the same hour last week.",
            meaning="The service reports and hardly calls any model: the fault lies before the LLM. No error ratio "
            "shows that.",
            looks=(
                Look("When it fell; the dashed line is last week.", board="overview", panel="Calls by model"),
                Look("What is left, by model.",
                     query=signals.CALL_RATE.expr(Scope(window="15m").per(*records.PER_MODEL))),
                Look("Traces of the service without an LLM span: where they end.", board="traces", panel="Slow calls"),
            ),
            fault="Ours: a feature flag, a broken queue, a front end, a cache that answers all. Or a holiday.",
            mitigate=("Check the service's own request rate and queue.", "Check flags and the last deploy."),
            after="If another day is the better comparison, silence the alert for the holiday.",
            false_alarm=f"Only where last week's hour had {least:g} calls, and only while the job reports: a job that "
            "is gone is TelemetryAbsent's.",
        ),
    )  # fmt: skip


def _absent(config: PackConfig) -> Alert:
    ignored = q.escaped(config.traffic.ignore_jobs)
    scope = Scope(config=config).where(*([f'{JOB}!~"{ignored}"'] if ignored else []))
    seen = f"count by ({JOB}) (count_over_time({scope.over('1d').series(c.BUILD_INFO, '')}))"
    now = f"count by ({JOB}) (count_over_time({scope.over('15m').series(c.BUILD_INFO, '')}))"
    return Alert(
        name="TelemetryAbsent", severity="warning", hold="10m", labels=(JOB,),
        when=seen, guards=(f"unless {q.on((JOB,))} {now}",),
        summary=f"{label(JOB)}: LLM telemetry stopped",
        description=f"{label(JOB)} reported within the last day, and not in the last 15 minutes. All its other alerts "
        "are blind.",
        board="overview", panel="Instances reporting",
        runbook=Runbook(
            symptom="A job that reported within a day is silent for 25 minutes.",
            meaning="The service is down, its metrics do not reach Prometheus, or it was renamed or removed. No other "
            "alert of this pack can speak for it. After a day of silence the alert ends by itself.",
            looks=(_INSTANCES, _UP, _ANY_TRACE),
            fault="Ours: crash, scrape configuration, Collector, network policy, renamed job.",
            mitigate=("Start the service, or mend the scrape or exporter.",
                      "`otel-llm doctor` in the service's environment tells what it exports and where."),
            after="A batch job that comes and goes: name it in traffic.ignore_jobs.",
            false_alarm="A job retired on purpose: silence it for a day.",
        ),
    )  # fmt: skip


def _dropping(config: PackConfig) -> Alert:
    labels = (JOB, q.SITE)
    return Alert(
        name="TelemetryDropping", severity="warning", hold="15m", labels=labels,
        when=f"{signals.INTERNAL_ERRORS.expr(Scope(config=config, window='10m').per(*labels))} > 0",
        summary=f"{label(JOB)}: otel-llm fails inside ({label(q.SITE)})",
        description=f"Internal errors at {label(q.SITE)} in the last 10 minutes: {COUNT}. The app does not notice; its "
        "figures may lack calls.",
        board="overview", panel="Internal errors",
        runbook=Runbook(
            symptom="otel-llm catches errors of its own, again and again for 15 minutes.",
            meaning="A hook, decoder or exporter of ours fails. Calls of the app go through untouched; what we say "
            "about them is incomplete.",
            looks=(
                Look("Which place, since when.", board="overview", panel="Internal errors"),
                Look("Versions in use.", query=f"count {q.by((JOB, q.VERSION))}({Scope().value(c.BUILD_INFO)})"),
                Look("The service's log: each place logs once, with its trace back, under the logger `otel_llm`.",
                     board="traces", panel="Logs"),
            ),
            fault="Ours, or an SDK version we do not know yet: compare with the day the SDK was updated.",
            mitigate=("Pin the SDK's last good version.", "Report the log's trace back.",
                      "OTEL_LLM_DISABLED=true switches everything off if in doubt."),
            after="Update otel-llm.",
            false_alarm="A single error does not alert: it has to go on for 15 minutes.",
        ),
    )  # fmt: skip


def _overflow(config: PackConfig) -> Alert:
    labels = (JOB, q.LABEL)
    return Alert(
        name="SeriesOverflow", severity="warning", hold="5m", keep="15m", labels=labels,
        when=f"{signals.OVERFLOW.expr(Scope(config=config, window='1h').per(*labels))} > 0",
        summary=f"{label(JOB)}: label {label(q.LABEL)} has too many values",
        description=f"Values of {label(q.LABEL)} that were replaced by `other` in the last hour: {COUNT}. Figures by "
        "this label are merged from there on; totals stay right.",
        board="overview", panel="Label values capped",
        runbook=Runbook(
            symptom="A label reached its cap of values.",
            meaning="Something unbounded is used as a value, such as an id in a model's or a feature's name. The cap "
            "keeps Prometheus alive; new values count as `other`.",
            looks=(
                Look("Which label, since when.", board="overview", panel="Label values capped"),
                Look("Values in use, the most frequent first.",
                     query=f"sort_desc({signals.CALLS.expr(Scope(window='1h').per(JOB, q.MODEL))})"),
                Look("The values that come in, on spans, where nothing is capped.", board="traces", panel="Slow calls"),
            ),
            fault="Ours: a value made from a request. A provider with a new id in each model's name is rare.",
            mitigate=("Take the id out of the value.", "Map names by an alias.",
                      "Raise the cap if the values are truly few and wanted."),
            after="Values return after a restart of the process.",
            false_alarm="A test that makes up model names.",
        ),
    )  # fmt: skip


def alerts(config: PackConfig) -> tuple[Alert, ...]:
    """Alerts on silence."""
    return (_drop(config), _absent(config), _dropping(config), _overflow(config))
