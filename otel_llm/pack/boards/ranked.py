"""Lines whose names are open (models, jobs): the largest stand out, and nobody needs to tell all colours apart.

Grafana 10.4 has no palette for colour-blind people, and hands its classic one out by the order of lines. Of that the
first three colours are told apart by everybody, and so are the next three. So the three largest of the time shown come
first, as solid lines, and all others are dashed.
"""

from __future__ import annotations

from typing import Final

from otel_llm.pack import promql as q
from otel_llm.pack import signals
from otel_llm.pack.boards.board import selection
from otel_llm.pack.boards.panel import Query
from otel_llm.pack.config import PackConfig

LEADING: Final = 3
"""So many of Grafana's own colours everybody tells apart, from the first as from the fourth."""


def ranked(
    expr: str, labels: q.Labels, rank: str, *, exemplar: bool = False, of: str = "", named: q.Labels = (),
) -> tuple[Query, Query]:  # fmt: skip
    """The expression's lines: first those that are largest by ``rank``, then all others or those that are in ``of``.

    ``rank`` has to be the same at every moment of the graph: a line is to stay what it is. ``named``: the labels that
    its name consists of, if not all.
    """
    legend = " ".join(f"{{{{{label}}}}}" for label in named or labels)
    largest = f"{q.on(labels)} topk({LEADING}, {rank})"
    among = f" and {q.on(labels)} {of}" if of else ""
    return (
        Query(f"{expr} and {largest}", legend, exemplar=exemplar),
        Query(f"{expr}{among} unless {largest}", legend, minor=True),
    )


def by_calls(config: PackConfig, expr: str, label: str, *, exemplar: bool = False) -> tuple[Query, Query]:
    """Lines by one label, those with the most calls in the time shown first."""
    shown = selection(config, "$__range").per(label).at_end()
    return ranked(expr, (label,), signals.CALLS.expr(shown), exemplar=exemplar)
