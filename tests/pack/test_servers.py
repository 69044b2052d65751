"""``dashboards push`` against a server that speaks Grafana's API; ``check`` against a real Prometheus."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from otel_llm import catalog
from otel_llm.cli.app import app
from otel_llm.pack import answers, records
from tests.pack.prometheus import backfill, import_openmetrics, serve
from tests.pack.synthetic import DAY, HOUR, WEEK, metrics, times

RUN = CliRunner()
TOKEN = "token-of-a-test"
STEP = 120
"""Seconds between samples of a history: two and a half in the five minutes over which ``check`` asks."""
RECORDS = Path(__file__).parents[2] / "dashboards" / "prometheus" / "otel-llm-records.yml"


VERSIONS = re.compile(r"(/api/dashboards/uid/[\w-]+)/versions\?limit=1")


def migrated(dashboard: dict[str, Any]) -> dict[str, Any]:
    """What Grafana 11 and later give back: the same by their own schema, with defaults of theirs."""
    panels = [{"pluginVersion": "13.2.2", "transparent": False, **panel} for panel in dashboard["panels"]]
    return {**dashboard, "schemaVersion": 42, "preload": False, "panels": panels}


class FakeGrafana(BaseHTTPRequestHandler):
    """Folders and dashboards by uid, as Grafana's HTTP API has them: 404 before, versions after."""

    stored: dict[str, dict[str, Any]]
    writes: list[str]
    messages: dict[str, list[str]]
    """Of a dashboard's versions, the oldest first."""
    kind: str
    """``old``: versions are a list. ``new``: they are in an object, and dashboards are migrated. ``none``: there are no
    versions."""

    def _answer(self, status: int, body: Any) -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _refused(self) -> bool:
        """Grafana asks for the token before it says whether anything is there."""
        if self.headers["Authorization"] == f"Bearer {TOKEN}":
            return False
        self._answer(401, {"message": "Invalid API key"})
        return True

    def do_GET(self) -> None:
        if self._refused():
            return
        found = self._versions(asked[1]) if (asked := VERSIONS.fullmatch(self.path)) else self.stored.get(self.path)
        self._answer(404 if found is None else 200, {"message": "not found"} if found is None else found)

    def _versions(self, path: str) -> Any:
        """The newest one."""
        kept = self.messages.get(path)
        if self.kind == "none" or not kept:
            return None
        newest = [{"version": len(kept), "message": kept[-1], "createdBy": "sa-otel-llm"}]
        return newest if self.kind == "old" else {"continueToken": "", "versions": newest}

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self._refused():
            return
        self.writes.append(self.path)
        if self.path == "/api/folders":
            self.stored[f"/api/folders/{body['uid']}"] = body
        elif self.path == "/api/dashboards/db":
            assert body["overwrite"]
            assert f"/api/folders/{body['folderUid']}" in self.stored
            path = f"/api/dashboards/uid/{body['dashboard']['uid']}"
            self.messages.setdefault(path, []).append(body["message"])
            own = {"id": 7, "version": len(self.messages[path])}
            kept = migrated(body["dashboard"]) if self.kind == "new" else body["dashboard"]
            self.stored[path] = {"dashboard": {**kept, **own}, "meta": {}}
        self._answer(200, {"status": "success"})

    def log_message(self, *args: object) -> None:
        """Silent."""


@pytest.fixture(params=["old", "new", "none"])
def grafana(request: pytest.FixtureRequest) -> Iterator[tuple[str, type[FakeGrafana]]]:
    handler = type("Handler", (FakeGrafana,), {"stored": {}, "writes": [], "messages": {}, "kind": request.param})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", handler
    server.shutdown()
    thread.join()
    server.server_close()


def _push(url: str, *more: str, token: str = TOKEN) -> Any:
    return RUN.invoke(app, ["dashboards", "push", "--url", url, "--token", token, *more])


def test_push_is_idempotent(grafana: tuple[str, type[FakeGrafana]]) -> None:
    url, server = grafana
    dry = _push(url, "--dry-run")
    assert dry.exit_code == 0, dry.output
    assert dry.output.count("would be created") == 7
    assert server.writes == []
    assert _push(url).output.count(": created") == 7
    assert len(server.writes) == 8
    assert _push(url).output.count(": unchanged") == 7
    assert len(server.writes) == 8
    assert _push(url, "--dry-run").output.count(": unchanged") == 7
    assert "would be updated" in _push(url, "--dry-run", "--set", "slo=0.999").output
    assert len(server.writes) == 8
    changed = _push(url, "--set", "slo=0.999")
    assert ": updated" in changed.output
    assert len(server.stored) == 8
    assert _push(url, "--set", "slo=0.999").output.count(": unchanged") == 7


def test_push_over_what_somebody_saved_since(grafana: tuple[str, type[FakeGrafana]]) -> None:
    url, server = grafana
    _push(url)
    path = "/api/dashboards/uid/otel-llm-cost"
    server.messages[path].append("larger legend")
    server.stored[path]["dashboard"] |= {"refresh": "5s", "version": 2}
    dry = _push(url, "--dry-run")
    assert "otel-llm-cost: would be updated" in dry.output
    assert dry.output.count(": unchanged") == 6
    assert "otel-llm-cost: updated" in _push(url).output
    assert _push(url).output.count(": unchanged") == 7


def test_push_into_a_folder_that_is_there(grafana: tuple[str, type[FakeGrafana]]) -> None:
    url, server = grafana
    server.stored["/api/folders/otel-llm"] = {"uid": "otel-llm", "title": "Renamed by its owner"}
    assert _push(url).output.count(": created") == 7
    assert "/api/folders" not in server.writes
    assert server.stored["/api/folders/otel-llm"]["title"] == "Renamed by its owner"


@pytest.mark.parametrize("more", [(), ("--dry-run",)])
def test_push_with_a_bad_token(grafana: tuple[str, type[FakeGrafana]], more: tuple[str, ...]) -> None:
    done = _push(grafana[0], *more, token="wrong")
    assert done.exit_code == 1
    assert "401" in done.output
    assert "token" in done.output


def test_push_to_nobody() -> None:
    done = _push("http://127.0.0.1:9")
    assert done.exit_code == 1
    assert "does not answer" in done.output


def _without(*names: str) -> list[answers.Answer]:
    """Answers of a Prometheus that has all but the series of these names."""

    def ask(promql: str) -> int:
        return 0 if any(re.search(rf"(?<![\w:]){name}(?![\w:])", promql) for name in names) else 1

    return list(answers.check(ask))


def test_an_empty_prometheus_lacks_the_metrics() -> None:
    found = list(answers.check(lambda promql: 0))
    assert all(answer.reason for answer in found)
    calls = [answer for answer in found if answer.place == "otel-llm-overview/Calls per second/A"]
    assert calls[0].reason == "otel_llm_calls_total is not in this Prometheus"
    assert calls[0].fault


def test_a_full_prometheus_lacks_nothing() -> None:
    assert not any(answer.reason or answer.fault for answer in _without())


def test_a_missing_metric_is_named_by_panels_and_alerts() -> None:
    named = [answer for answer in _without(catalog.COST.series) if answer.reason]
    assert {answer.kind for answer in named} == {"panel", "record", "alert"}
    assert all(answer.fault for answer in named)
    assert all("otel_llm_cost_USD_total is not in this Prometheus" in answer.reason for answer in named)


def test_a_missing_record_is_named_by_panels_and_alerts() -> None:
    named = [answer for answer in _without(records.slo_ratio("1h")) if answer.reason]
    assert {answer.place for answer in named} == {"otel-llm-errors/Burn rate/A", "OtelLLMErrorBudgetBurn-1h-5m"}
    assert all("load otel-llm-records.yml" in answer.reason and answer.fault for answer in named)


def test_no_more_models_than_the_largest_is_no_fault() -> None:
    """The dashed lines' queries are then empty, and nothing is missing."""
    found = list(answers.check(lambda promql: 0 if " unless on " in promql else 1))
    assert len([answer for answer in found if answer.place.endswith("/B")]) > 10
    assert not any(answer.reason or answer.fault for answer in found)


def test_a_feature_that_is_not_used_is_no_fault() -> None:
    named = [answer for answer in _without(catalog.BUDGET.series) if answer.reason]
    assert named
    assert {(answer.reason, answer.fault) for answer in named} == {("no budget is set", False)}
    assert set(answers.UNUSED) < {metric.name for metric in (*catalog.METRICS, *catalog.MAIN_METRICS)}


def _history(scenario: str, folder: Path, *, recorded: bool) -> Path:
    end, text, data = time.time() // 60 * 60, folder / "metrics.txt", folder / "data"
    moments = times(end, (1.5 if recorded else 0.3) * HOUR, STEP, 0, 0)
    text.write_text("".join(f"{line}\n" for line in metrics(scenario, moments)))
    import_openmetrics(text, data)
    if recorded:
        backfill(RECORDS, data, [(end - past - HOUR, end - past) for past in (0, DAY, WEEK)], STEP)
    return data


def test_check_a_healthy_prometheus(tmp_path: Path) -> None:
    """Nothing wrong and nothing rare in it: the lists of faults are empty, and that is well."""
    with serve(_history("normal", tmp_path, recorded=True)) as prometheus:
        done = RUN.invoke(app, ["check", "--prometheus", prometheus.url])
    assert done.exit_code == 0, done.output
    assert "0 to be mended" in done.output


def test_check_a_prometheus_without_rules(tmp_path: Path) -> None:
    with serve(_history("normal", tmp_path, recorded=False)) as prometheus:
        done = RUN.invoke(app, ["check", "--prometheus", prometheus.url])
    assert done.exit_code == 1
    assert "load otel-llm-records.yml" in done.output
    assert "otel-llm-errors/Burn rate" in done.output
    assert "OtelLLMErrorSpike" in done.output
    assert "otel-llm-overview/Calls per second" not in done.output


def test_check_nobody() -> None:
    done = RUN.invoke(app, ["check", "--prometheus", "http://127.0.0.1:9"])
    assert done.exit_code == 2
    assert "does not answer" in done.output
