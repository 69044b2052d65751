"""LLM / Traces: single calls behind the figures. Needs Tempo; logs need Loki.

Optional: no other dashboard needs either.
"""

from __future__ import annotations

from typing import Final

from otel_llm import catalog as c
from otel_llm.pack.boards.board import Board, Row, datasource
from otel_llm.pack.boards.panel import Json
from otel_llm.pack.config import PackConfig

TEMPO: Final[Json] = {"type": "tempo", "uid": "${tempo}"}
LOKI: Final[Json] = {"type": "loki", "uid": "${loki}"}
_CALL: Final = (
    f'span.{c.PROVIDER} =~ "${{provider:regex}}"',
    f'span.{c.REQUEST_MODEL} =~ "${{model:regex}}"',
)
SHOWN: Final = (
    c.PROVIDER, c.REQUEST_MODEL, c.SPAN_OUTCOME, c.SPAN_ERROR_CLASS, c.ERROR_TYPE, c.SPAN_COST, c.SPAN_RETRIES,
    c.USAGE_INPUT, c.USAGE_OUTPUT,
)  # fmt: skip


def traceql(*conditions: str) -> str:
    """TraceQL for LLM calls of the chosen provider and model."""
    shown = ", ".join(f"span.{name}" for name in SHOWN)
    return f"{{ {' && '.join((*_CALL, *conditions))} }} | select({shown})"


def _calls(title: str, help_: str, *conditions: str) -> Json:
    target = {
        "refId": "A", "datasource": TEMPO, "queryType": "traceql", "query": traceql(*conditions), "limit": 20,
        "tableType": "spans",
    }  # fmt: skip
    return {
        "type": "table", "title": title, "description": help_, "datasource": TEMPO, "targets": [target],
        "fieldConfig": {"defaults": {"noValue": "no such calls", "custom": {"align": "auto"}}, "overrides": []},
        "options": {"showHeader": True, "cellHeight": "sm", "footer": {"show": False}},
    }  # fmt: skip


def _logs() -> Json:
    query = '{service_name=~".+"} |~ "otel_llm|trace_id"'
    return {
        "type": "logs", "title": "Logs", "datasource": LOKI,
        "description": "Log lines of otel-llm itself, and lines that carry a trace id, which leads to the trace.",
        "targets": [{"refId": "A", "datasource": LOKI, "expr": query, "queryType": "range", "maxLines": 100}],
        "fieldConfig": {"defaults": {"noValue": "no lines"}, "overrides": []},
        "options": {"showTime": True, "wrapLogMessage": True, "sortOrder": "Descending", "enableLogDetails": True,
                    "dedupStrategy": "none", "prettifyLogMessage": False, "showCommonLabels": False,
                    "showLabels": False},
    }  # fmt: skip


def board(config: PackConfig) -> Board:
    """The dashboard."""
    target = f"{config.latency.target:g}s"
    return Board(
        key="traces", title="LLM / Traces", span="1h",
        question="Which single calls are behind the figures? For anyone with Tempo; logs need Loki.",
        rows=(
            Row("Calls worth opening", (
                (_calls("Failed calls", "Calls that ended in an error. The provider's code and request id stand on the "
                        "span; each attempt is an event on it.", f'span.{c.SPAN_OUTCOME} = "error"'), 12, 9),
                (_calls("Slow calls", "Calls over the latency target. Look at time to the first chunk and at output "
                        "tokens: is it waiting or writing.", f"duration > {target}"), 12, 9),
                (_calls("Costly calls", "Calls over ten cents. Input tokens tell a long prompt, output tokens a long "
                        "answer; the parent span tells the code.", f"span.{c.SPAN_COST} > 0.1"), 12, 9),
                (_calls("Retried calls", "Calls that needed more than one attempt. Events show each attempt's status "
                        "and back-off.", f"span.{c.SPAN_RETRIES} > 0"), 12, 9),
            )),
            Row("Logs", ((_logs(), 24, 8),)),
        ),
        variables=(datasource("tempo", "Tempo", "tempo"), datasource("loki", "Loki", "loki")),
    )  # fmt: skip
