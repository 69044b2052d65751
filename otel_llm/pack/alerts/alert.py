"""What an alert is: a condition with its guards, a text for the person paged, and the runbook."""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from otel_llm.pack import promql as q
from otel_llm.pack import records
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import JOB, MODEL, PROVIDER

PREFIX: Final = "OtelLLM"
COMPONENT: Final = "otel-llm"
"""Value of the label ``component`` on every alert: route by it."""

Severity = Literal["critical", "warning", "info"]
"""critical: wake somebody. warning: a ticket. info: seen on dashboards and in reviews."""

VARIABLES: Final = {JOB: "job", PROVIDER: "provider", MODEL: "model", q.ATTRIBUTION_KEY: "key"}
"""Labels that dashboards have a variable for; the last one the Cost dashboard alone."""


class Look(msgspec.Struct, frozen=True):
    """One thing to look at: a panel, a query, or traces, and what to look for there."""

    text: str
    board: str = ""
    """Key of a dashboard."""
    panel: str = ""
    """Title of a panel on it."""
    query: str = ""
    """PromQL to paste; the alert's labels are left for the reader to narrow."""


class Runbook(msgspec.Struct, frozen=True, kw_only=True):
    """What to do, for a person who was asleep a minute ago."""

    symptom: str
    meaning: str
    looks: tuple[Look, Look, Look]
    fault: str
    """How to decide whose fault it is."""
    mitigate: tuple[str, ...]
    after: str
    false_alarm: str = ""


class Alert(msgspec.Struct, frozen=True, kw_only=True):
    """One alert rule."""

    name: str
    """Without :data:`PREFIX`."""
    severity: Severity
    when: str
    """Condition whose value the texts show."""
    guards: tuple[str, ...] = ()
    """More conditions, each with its set operator in front: ``and on (...) ...``, ``unless ...``."""
    hold: str
    """``for``: how long it has to be true."""
    keep: str = ""
    """``keep_firing_for``: how long it goes on after, against flapping."""
    labels: q.Labels
    """Labels that are left for texts and links."""
    extra: dict[str, str] = {}
    """More labels of the alert."""
    summary: str
    description: str
    board: str
    panel: str
    """Title of the panel that shows the symptom."""
    runbook: Runbook

    @property
    def full_name(self) -> str:
        """Name in Prometheus."""
        return PREFIX + self.name

    @property
    def expr(self) -> str:
        """The whole expression."""
        return "\n".join((self.when, *self.guards))

    @property
    def key(self) -> str:
        """Unique over the pack: several rules may share a name."""
        return "-".join((self.full_name, *self.extra.values()))


def label(name: str) -> str:
    """Template of an alert's label."""
    return f"{{{{ $labels.{name} }}}}"


PERCENT: Final = "{{ $value | humanizePercentage }}"
DURATION: Final = "{{ $value | humanizeDuration }}"
DOLLARS: Final = '{{ $value | printf "$%.2f" }}'
"""The sign inside: Grafana's provisioning takes ``${...}`` for a variable of the environment."""
NUMBER: Final = '{{ $value | printf "%.2f" }}'
COUNT: Final = '{{ $value | printf "%.0f" }}'
WHERE: Final = f"{label(JOB)}, {label(PROVIDER)}"
WHERE_MODEL: Final = f"{WHERE}, {label(MODEL)}"


def traffic(window: str, least: float, labels: q.Labels = records.PER_PROVIDER, offset: str = "") -> str:
    """Guard: at least so many calls in the window."""
    recorded = records.calls(window) + (f" offset {offset}" if offset else "")
    return f"and {q.on(labels)} {q.total(labels, recorded)} * {records.SECONDS[window]} >= {least:g}"


def class_share(classes: tuple[str, ...]) -> str:
    """Share of calls of the last five minutes that failed by these error classes, per job and provider."""
    failed = q.total(records.PER_PROVIDER, f"{records.ERRORS}{{{q.one_of(q.ERROR_CLASS, classes)}}}")
    return f"{failed} / ({q.total(records.PER_PROVIDER, records.calls('5m'))} > 0)"


def allowance(config: PackConfig, factor: float) -> str:
    """Error ratio at which the error budget burns by the factor."""
    return f"{factor * config.allowance:.6g}"


def percent(share: float) -> str:
    """``0.1`` as ``10%``."""
    return f"{share * 100:g}%"
