"""Which queries of the pack a user's own Prometheus answers, and why the others stay empty."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from otel_llm import catalog
from otel_llm.pack import records
from otel_llm.pack.config import PackConfig
from otel_llm.pack.inventory import Kind, PackQuery, queries

KINDS: Final[tuple[Kind, ...]] = ("panel", "variable", "record", "alert")
"""What is looked at. An alert is true only in trouble: of it just the names are. Annotations are empty while all is
well, and runbooks ask what panels ask."""
UNUSED: Final[dict[str, str]] = {
    catalog.BUDGET.name: "no budget is set",
    catalog.RATELIMIT_LIMIT.name: "no provider stated a limit",
    catalog.RATELIMIT_REMAINING.name: "no provider stated a limit",
    catalog.FIRST_CHUNK.name: "nothing was streamed",
    catalog.MAIN_FIRST_CHUNK.name: "nothing was streamed",
    catalog.OUTPUT_CHUNK.name: "nothing was streamed",
    catalog.MAIN_OUTPUT_CHUNK.name: "nothing was streamed",
    catalog.ATTRIBUTED_CALLS.name: "the app attributes no calls",
    catalog.ATTRIBUTED_TOKENS.name: "the app attributes no calls",
    catalog.ATTRIBUTED_COST.name: "the app attributes no calls",
}
"""Metrics that a healthy service may lack, and what that means."""
_LIST: Final = re.compile(r"> 0\)?( and on \([\w, ]+\) topk\(.*)?$")
"""A query that lists what is wrong, or what there is of it: empty where there is nothing."""
_REST: Final = " unless on "
"""A panel's query for all lines but the largest: empty where there are no more."""
_NAME: Final = re.compile(r"[a-zA-Z_][\w:]*")
TIMEOUT: Final = 30.0
"""Seconds for one query."""


class PrometheusError(Exception):
    """Prometheus cannot be asked; the message says which address and what it said."""


class Answer(msgspec.Struct, frozen=True):
    """One query's result."""

    place: str
    kind: Kind
    reason: str = ""
    """Why it is empty; empty where it has data."""
    fault: bool = False
    """Whether the emptiness is somebody's to mend, and not a feature unused or a history too short."""


Ask = Callable[[str], int]
"""PromQL -> number of series."""


def prometheus(url: str) -> Ask:
    """Asks the server at ``url``. The function raises :class:`PrometheusError`."""

    def ask(promql: str) -> int:
        body = urllib.parse.urlencode({"query": promql}).encode()
        request = urllib.request.Request(f"{url.rstrip('/')}/api/v1/query", body)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                content: dict[str, Any] = json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read(300).decode(errors="replace")
            raise PrometheusError(f"{url} refused a query with {error.code}: {said}") from error
        except (OSError, ValueError) as error:
            raise PrometheusError(f"{url} does not answer as Prometheus: {error}") from error
        return len(content["data"]["result"])

    return ask


class _Names:
    """The series that queries read: which of them there are, and what the lack of one means."""

    def __init__(self, ask: Ask, config: PackConfig) -> None:
        self._ask = ask
        self._present: dict[str, bool] = {}
        self.unused: dict[str, str] = {}
        self.faults: dict[str, str] = {}
        for metric in config.metrics():
            known = self.unused if metric.name in UNUSED else self.faults
            suffixes = ("_bucket", "_count", "_sum") if metric.kind == "histogram" else ("",)
            for suffix in suffixes:
                known[metric.series + suffix] = UNUSED.get(metric.name, "is not in this Prometheus")
        self._raw = {**self.unused, **self.faults}
        self._records = {one.name: one.expr for one in records.records(config)}

    def missing(self, promql: str) -> Iterator[tuple[str, bool]]:
        """What is said of each series of the query that there is none of, and whether it is a fault."""
        for name in dict.fromkeys(_NAME.findall(promql)):
            if name in self._raw and not self._has(name):
                text = self._raw[name]
                yield (f"{name} {text}", True) if name in self.faults else (text, False)
            elif name in self._records and not self._has(name):
                behind = list(self.missing(self._records[name]))
                if not behind and self._ask(self._records[name]):  # what it reads is there, so nobody evaluates it
                    behind = [(f"{name} is not recorded: load otel-llm-records.yml", True)]
                yield from behind

    def _has(self, name: str) -> bool:
        if name not in self._present:
            self._present[name] = self._ask(f"count({name})") > 0
        return self._present[name]


def check(ask: Ask, config: PackConfig | None = None) -> Iterator[Answer]:
    """Asks every query that is to have data. Raises :class:`PrometheusError`."""
    config = config or PackConfig()
    names = _Names(ask, config)
    busy = ask(f"sum(increase({config.metric_name(catalog.CALLS)}[5m])) > 0") > 0
    # Five minutes and not Grafana's four scrapes: the scrape interval is not known here.
    for query in queries(config, {"__rate_interval": "5m"}):
        if query.kind in KINDS:
            empty = query.kind == "alert" or not ask(query.promql)
            reason, fault = _reason(query, names, busy) if empty else ("", False)
            yield Answer(query.place, query.kind, reason, fault)


def _reason(query: PackQuery, names: _Names, busy: bool) -> tuple[str, bool]:
    """Why the query is empty, and whether that is a fault."""
    missing = dict(names.missing(query.promql))
    if missing:
        faults = [text for text, fault in missing.items() if fault]
        return "; ".join(faults or missing), bool(faults)
    if query.kind == "alert" or _LIST.search(query.promql) or (query.kind == "panel" and _REST in query.promql):
        return "", False
    if " offset " in query.promql:
        return "no history that far back", False
    if not busy:
        return "no calls in the last five minutes", False
    return "its series are there, and none has the labels or the growth it asks for", True
