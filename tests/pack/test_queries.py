"""Every query of the pack returns data from a real Prometheus that holds every metric of the catalogue.

The metrics are made up here (:mod:`tests.pack.synthetic`); that the library emits the same is proven where emulator and
library run. Both use :func:`unanswered`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import promql_parser
import pytest

from otel_llm.pack import PackQuery, queries
from tests.pack.prometheus import Prometheus, backfill, import_openmetrics, serve
from tests.pack.synthetic import DAY, HOUR, WEEK, metrics, times

RECORDS = Path(__file__).parents[2] / "dashboards" / "prometheus" / "otel-llm-records.yml"
END = time.time() // 60 * 60
QUIET = {
    **dict.fromkeys(("Internal errors/A", "Internal errors/B"), "shows only errors, and there are none"),
    **dict.fromkeys(("Label values capped/A", "Label values capped/B"), "shows only capped labels, and there are none"),
    "Deploys": "marks the five minutes after a deploy",
    "Critical alerts": "the outage is over",
}
"""Queries, by the end of their place, that may answer with nothing."""
STEP = 120
"""Seconds between samples: a quarter of what Grafana then takes for ``$__rate_interval``."""
EVERY = list(queries(values={"__rate_interval": f"{4 * STEP}s"}))


def selectors(promql: str) -> list[str]:
    """The vector selectors of an expression: what has to exist for it ever to be true."""
    found: list[str] = []

    def walk(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(str(node))
        for part in ("expr", "lhs", "rhs", "vector_selector", "param"):
            child = getattr(node, part, None)
            if child is not None:
                walk(child)
        for child in getattr(getattr(node, "args", None), "args", None) or getattr(node, "args", None) or ():
            walk(child)

    walk(promql_parser.parse(promql))
    return found


def unanswered(prometheus: Prometheus, query: PackQuery, at: float | None = None) -> list[str]:
    """What returns nothing: the query itself, or, for an alert, which is true only in trouble, any of its selectors."""
    # Lines beside the largest need that many models: that the query finds what it takes away is enough.
    rest = query.promql.replace(" unless on ", " and on ") if query.kind == "panel" else query.promql
    asked = selectors(query.promql) if query.kind == "alert" else [rest]
    return [promql for promql in asked if not prometheus.query(promql, at)]


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    root = tmp_path_factory.mktemp("prometheus")
    text, data = root / "metrics.txt", root / "data"
    with text.open("w") as file:
        file.writelines(f"{line}\n" for line in metrics("incident", times(END, 1.5 * HOUR, STEP, 0, 0)))
    import_openmetrics(text, data)
    backfill(RECORDS, data, [(END - past - HOUR, END - past) for past in (0, DAY, WEEK)], STEP)
    with serve(data) as server:
        yield server


@pytest.mark.parametrize("query", EVERY, ids=lambda query: f"{query.kind}-{query.place}")
def test_every_query_answers(prometheus: Prometheus, query: PackQuery) -> None:
    quiet = query.promql == "up" or query.place.partition("/")[2] in QUIET
    missing = unanswered(prometheus, query, END)
    assert quiet or missing == []


def test_selectors() -> None:
    found = selectors('sum by (a) (rate(x{b="c"}[5m] offset 1w)) > 2 * y and on (a) z > 1')
    assert [one.split("{")[0].split(" ")[0] for one in found] == ["x", "y", "z"]
