"""LLM / Traces: single calls behind the figures. Needs Tempo; logs need Loki.

Optional: no other dashboard needs either.
"""

from __future__ import annotations

from typing import Final

from otel_llm import catalog as c
from otel_llm.pack.boards.board import IN_JOB, Board, Row, datasource, textbox
from otel_llm.pack.boards.panel import DATASOURCE, Json
from otel_llm.pack.config import PackConfig
from otel_llm.pack.promql import JOB

TEMPO: Final[Json] = {"type": "tempo", "uid": "${tempo}"}
LOKI: Final[Json] = {"type": "loki", "uid": "${loki}"}
_NAME_OF_JOB: Final = "(?:.*/)?(.+)"
"""OTLP makes ``job`` of ``namespace/name`` of the service: this takes the name."""
_CALL: Final = (
    'resource.service.name =~ "${service:regex}"',
    f'span.{c.PROVIDER} =~ "${{provider:regex}}"',
    f'span.{c.REQUEST_MODEL} =~ "${{model:regex}}"',
)
SHOWN: Final = (
    c.PROVIDER, c.REQUEST_MODEL, c.SPAN_OUTCOME, c.SPAN_ERROR_CLASS, c.ERROR_TYPE, c.SPAN_COST, c.SPAN_RETRIES,
    c.USAGE_INPUT, c.USAGE_OUTPUT,
)  # fmt: skip


def _service() -> Json:
    """Names of the services behind the chosen jobs, which traces and logs go by.

    Over OTLP the job holds the name. Over a scrape it is what the scrape's configuration says, and the name stands on
    ``target_info``. No value for All: it then stands for the services of the jobs chosen, and not for every one.
    """
    named = f'label_replace(target_info{{{IN_JOB}}}, "service", "$1", "service_name", "(.+)")'
    of_job = f'label_replace({c.BUILD_INFO.series}{{{IN_JOB}}}, "service", "$1", "{JOB}", "{_NAME_OF_JOB}")'
    query = f"query_result(group by (service) ({named}) or group by (service) ({of_job}))"
    return {
        "name": "service", "label": "Service", "type": "query", "datasource": DATASOURCE, "definition": query,
        "query": {"query": query, "refId": "service"}, "refresh": 2, "sort": 1, "multi": True, "includeAll": True,
        "allValue": None, "current": {"selected": True, "text": ["All"], "value": ["$__all"]}, "options": [],
        "regex": '/service="([^"]+)"/', "hide": 0, "skipUrlSync": False,
    }  # fmt: skip


def traceql(*conditions: str) -> str:
    """TraceQL for LLM calls of the chosen services, provider and model."""
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
    query = '{service_name=~"${service:regex}"} |~ "otel_llm|trace_id"'
    return {
        "type": "logs", "title": "Logs", "datasource": LOKI,
        "description": "Log lines of the services chosen: those of otel-llm itself, and those that carry a trace id. "
        "Open a line and follow its trace id.",
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
                        "span; each attempt is an event on it. Open two and compare.",
                        f'span.{c.SPAN_OUTCOME} = "error"'), 12, 9),
                (_calls("Slow calls", "Calls over the latency target. Look at time to the first chunk and at output "
                        "tokens: is it waiting or writing.", f"duration > {target}"), 12, 9),
                (_calls("Costly calls", "Calls over the dollars typed above. Many input tokens: a long prompt. Many "
                        "output tokens: a long answer. The parent span tells the code.",
                        f"span.{c.SPAN_COST} > $dollars"), 12, 9),
                (_calls("Retried calls", "Calls that needed more than one attempt. Open one: events show each "
                        "attempt's status and back-off.", f"span.{c.SPAN_RETRIES} > 0"), 12, 9),
            )),
            Row("Logs", ((_logs(), 24, 8),)),
        ),
        variables=(_service(), textbox("dollars", "Costly from, USD", f"{config.cost.costly_call:g}",
                                       "What one call has to cost to be shown under Costly calls."),
                   datasource("tempo", "Tempo", "tempo"), datasource("loki", "Loki", "loki")),
    )  # fmt: skip
