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

from otel_llm.pack import records
from otel_llm.pack.config import PackConfig
from otel_llm.pack.inventory import Kind, queries

KINDS: Final[tuple[Kind, ...]] = ("panel", "variable", "record")
"""What is to have data; annotations and alerts are empty while all is well."""
_NAME: Final = re.compile(r"[a-zA-Z_][\w:]*")
TIMEOUT: Final = 30.0
"""Seconds for one query."""


class PrometheusError(Exception):
    """Prometheus cannot be asked; the message says which address and what it said."""


class Answer(msgspec.Struct, frozen=True):
    """One query's result."""

    place: str
    kind: Kind
    reason: str
    """Why it is empty; empty where it has data."""


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


def _names(config: PackConfig) -> dict[str, str]:
    """Series name -> what to do where there is none of it."""
    names: dict[str, str] = {}
    for metric in config.metrics():
        suffixes = ("_bucket", "_count", "_sum") if metric.kind == "histogram" else ("",)
        for suffix in suffixes:
            names[metric.series + suffix] = "is not in this Prometheus"
    for one in records.records(config):
        names[one.name] = "is not recorded: load otel-llm-records.yml"
    return names


def check(ask: Ask, config: PackConfig | None = None) -> Iterator[Answer]:
    """Asks every query that is to have data. Raises :class:`PrometheusError`."""
    config = config or PackConfig()
    names = _names(config)
    present: dict[str, bool] = {}

    def has(name: str) -> bool:
        if name not in present:
            present[name] = ask(f"count({name})") > 0
        return present[name]

    # Five minutes and not Grafana's four scrapes: the scrape interval is not known here.
    for query in queries(config, {"__rate_interval": "5m"}):
        if query.kind in KINDS:
            reason = "" if ask(query.promql) else _reason(query.promql, names, has)
            yield Answer(query.place, query.kind, reason)


def _reason(promql: str, names: dict[str, str], has: Callable[[str], bool]) -> str:
    used = dict.fromkeys(name for name in _NAME.findall(promql) if name in names)
    missing = [f"{name} {names[name]}" for name in used if not has(name)]
    if missing:
        return "; ".join(missing)
    if " offset " in promql:
        return "no history that far back"
    return "its series are there, and none has the labels or the growth it asks for"
