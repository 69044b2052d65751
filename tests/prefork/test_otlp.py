"""OTLP of workers: an instance of its own for each, its own figures and not the sum, and nothing lost at the end."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import otel_llm
from otel_llm import catalog
from otel_llm.signals import aside
from tests.prefork.programs import told
from tests.prefork.server import START, Process, Server
from tests.prefork.test_celery import CELERY, QUIET, send
from tests.prefork.test_servers import COMMANDS, RECYCLED, cases
from tests.telemetry import until

INSTANCE = "service.instance.id"


class Received:
    """What arrived, by ``service.instance.id``: latest value of the calls, count of durations, number of spans."""

    def __init__(self) -> None:
        self.calls: dict[str, float] = {}
        self.durations: dict[str, float] = {}
        self.spans: dict[str, int] = {}
        self.busy = False
        """Whether each request is refused once, so that the exporter comes again after a second."""
        self._refused: set[bytes] = set()

    def told(self) -> dict[str, float]:
        """Calls of those that made some."""
        return {found: value for found, value in self.calls.items() if value}

    def refuses(self, body: bytes) -> bool:
        if not self.busy or body in self._refused:
            return False
        self._refused.add(body)
        return True

    def take(self, path: str, body: bytes) -> None:
        if path == "/v1/traces":
            for batch in ExportTraceServiceRequest.FromString(body).resource_spans:
                count = sum(len(scope.spans) for scope in batch.scope_spans)
                self.spans[instance(batch)] = self.spans.get(instance(batch), 0) + count
            return
        for batch in ExportMetricsServiceRequest.FromString(body).resource_metrics:
            for metric in (metric for scope in batch.scope_metrics for metric in scope.metrics):
                if metric.name == catalog.CALLS.name:
                    self.calls[instance(batch)] = sum(p.as_double or p.as_int for p in metric.sum.data_points)
                if metric.name == catalog.DURATION.name:
                    self.durations[instance(batch)] = sum(point.count for point in metric.histogram.data_points)


def instance(batch: Any) -> str:
    return next(pair.value.string_value for pair in batch.resource.attributes if pair.key == INSTANCE)


@pytest.fixture
def receiver() -> Iterator[tuple[str, Received]]:
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            body = gzip.decompress(body) if self.headers.get("content-encoding") else body
            refused = received.refuses(body)
            if not refused:
                received.take(self.path, body)
            self.send_response(503 if refused else 200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", received
    server.shutdown()
    server.server_close()
    thread.join()


KEPT = ["gunicorn-sync", "gunicorn-sync-preload", "gunicorn-gthread", "gunicorn-gevent", "gunicorn-uvicorn", "uvicorn"]


@pytest.mark.parametrize("name", cases(KEPT))
def test_workers_of_a_server(tmp_path: Path, receiver: tuple[str, Received], name: str) -> None:
    url, received = receiver
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "PREFORK_APP": "own"}
    with Server(*COMMANDS[name], log=tmp_path / "log", **env) as server:
        workers = server.workers(2)
        answered = server.call(30)
        assert server.page().calls == 30
    expected = sorted(answered.count(pid) for pid in workers)
    assert sorted(received.told().values()) == expected
    assert received.durations == received.spans == received.told()


@pytest.mark.parametrize("name", ["gunicorn-sync", "gunicorn-sync-preload", "uvicorn"])
def test_an_instance_id_that_is_given_to_all_workers_becomes_one_of_each(
    tmp_path: Path, receiver: tuple[str, Received], name: str
) -> None:
    """As a deployment does that sets it to the pod's name."""
    url, received = receiver
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_RESOURCE_ATTRIBUTES": f"{INSTANCE}=pod-1", "PREFORK_APP": "own"}
    with Server(*COMMANDS[name], log=tmp_path / "log", **env) as server:
        workers = server.workers(2)
        answered = server.call(30)
    expected = {f"pod-1:{pid}": answered.count(pid) for pid in workers}
    assert received.told() == received.durations == received.spans == expected


@pytest.mark.parametrize("name", cases(RECYCLED))
def test_recycled_workers_of_a_server(tmp_path: Path, receiver: tuple[str, Received], name: str) -> None:
    """A request that was refused while its worker ended was not counted; one that was cut may have been."""
    url, received = receiver
    with Server(*COMMANDS[name], log=tmp_path / "log", OTEL_EXPORTER_OTLP_ENDPOINT=url, PREFORK_APP="own") as server:
        server.workers(2)
        answered: list[int | None] = []
        # uvicorn looks at its limit ten times a second: one worker may answer many more requests than that.
        until(lambda: answered.extend(server.call(20)) or len(set(answered) - {None}) > 2, START)
    calls, acknowledged = received.told(), sum(pid is not None for pid in answered)
    assert acknowledged <= sum(calls.values()) <= len(answered)
    assert len(calls) > 2
    assert received.durations == received.spans == calls


def told_by(folder: Path) -> list[str]:
    """Who did each task; a file that is there and empty is being written."""
    return [text for path in folder.glob("*") if (text := path.read_text())]


@pytest.mark.parametrize("busy", [False, True], ids=["ready", "busy"])
@pytest.mark.parametrize("recycle", [(), ("--max-tasks-per-child=7",)], ids=["kept", "recycled"])
def test_children_of_celery(
    tmp_path: Path, receiver: tuple[str, Received], recycle: tuple[str, ...], busy: bool
) -> None:
    """A busy collector is asked again when the thread has ended that made a recycled child."""
    url, received = receiver
    received.busy = busy
    (tmp_path / "queue").mkdir()
    command = (*CELERY, *QUIET, *recycle)
    env = {"PREFORK_FOLDER": str(tmp_path), "OTEL_EXPORTER_OTLP_ENDPOINT": url, "PREFORK_APP": "own"}
    with Process(*command, log=tmp_path / "log", **env):
        send(tmp_path, 0, 20)
        workers = until(lambda: len(found := told_by(tmp_path / "done")) == 20 and found, START)
    assert sorted(received.told().values()) == sorted(workers.count(pid) for pid in set(workers))
    assert received.durations == received.spans == received.told()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing_children_export_at_their_end(
    tmp_path: Path, receiver: tuple[str, Received], method: str
) -> None:
    url, received = receiver
    told(
        tmp_path,
        f"""
        def child(times):
            otel_llm.instrument(scrape_port=0)
            work(times)
        if __name__ == "__main__":
            otel_llm.instrument(scrape_port=0)
            work(2)
            context = multiprocessing.get_context({method!r})
            for times in (3, 4):
                process = context.Process(target=child, args=(times,))
                process.start()
                process.join()
            tell()
        """,
        OTEL_EXPORTER_OTLP_ENDPOINT=url,
    )
    assert sorted(value for value in received.calls.values() if value) == [2, 3, 4]
    assert sorted(value for value in received.durations.values() if value) == [2, 3, 4]
    assert sorted(received.spans.values()) == [2, 3, 4]


def test_flush_is_bounded_by_its_timeout(tmp_path: Path) -> None:
    """A collector that takes connections and says nothing."""
    found = told(
        tmp_path,
        """
        import socket
        silent = socket.create_server(("127.0.0.1", 0))
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:%d" % silent.getsockname()[1]
        os.environ["OTEL_EXPORTER_OTLP_TIMEOUT"] = "1"
        import logging
        logging.disable(logging.CRITICAL)
        otel_llm.instrument(scrape="off")
        work(1)
        began = time.monotonic()
        flushed = otel_llm.flush(0.2)
        tell(flushed=flushed, seconds=time.monotonic() - began)
        """,
    )
    assert found["flushed"] is False
    assert 0.15 < found["seconds"] < 5


ENDING = """
import logging, socket, threading
logging.disable(logging.CRITICAL)
from otel_llm.signals import own_providers, pipeline
silent = socket.create_server(("127.0.0.1", 0), backlog=64)
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:%d" % silent.getsockname()[1]
def own():
    return otel_llm.instrumentor.installed().pipeline._own()
def ready(**settings):
    otel_llm.instrument(scrape="off", **settings)
    work(1)
def ended():
    # Whether each of the last exports was still under way when the exit went on.
    left, bounded = [], pipeline.bounded
    def bounding(steps, *rest):
        bounded(steps, *rest)
        left.extend(step.is_alive() for step in steps)
    pipeline.bounded = bounding
    otel_llm.uninstrument()
    tell(left=left)
"""


@pytest.mark.parametrize("under_way", [True, False], ids=["under-way", "failed"])
def test_a_collector_that_is_known_to_be_silent_is_not_waited_for(tmp_path: Path, under_way: bool) -> None:
    """An export hangs, or the last one failed: the exit goes on after LAST_TRY, and leaves them to themselves."""
    found = told(
        tmp_path,
        ENDING
        + f"""
pipeline.LAST_TRY = 0.1
os.environ["OTEL_EXPORTER_OTLP_TIMEOUT"] = "500" if {under_way} else "0.1"
own_providers.SLOW = 0.0 if {under_way} else 500.0
ready(exit_timeout=30)
for provider in own():
    threading.Thread(target=provider.force_flush, daemon=True).start()
until(lambda: all(provider.failing for provider in own()), 30)
if not {under_way}:
    for provider in own():
        exporter = provider._worker if hasattr(provider, "_worker") else provider._exporter
        exporter._exporter.get()._timeout = 500
    work(1)
ended()
""",
    )
    assert found == {"left": [True, True]}


NO_THREADS = """
def start(thread):
    raise RuntimeError("can't create new thread at interpreter shutdown")
threading.Thread.start = start
"""
"""As Python 3.12 does while it exits."""


@pytest.mark.parametrize("late", ["", NO_THREADS], ids=["", "no-threads"])
@pytest.mark.parametrize(
    ("timeout", "settings", "left"), [("0.3", "exit_timeout=15", False), ("500", "exit_timeout=0.3", True)]
)  # the SDK's own shutdowns take 30
def test_a_collector_of_which_nothing_is_known_gets_its_chance(
    tmp_path: Path, timeout: str, settings: str, left: bool, late: str
) -> None:
    """As long as an export may take, and the end of the app: a short job meets a silent one at its end."""
    variable = f'os.environ["OTEL_EXPORTER_OTLP_TIMEOUT"] = "{timeout}"'
    stand_by = f"from otel_llm.signals import aside\naside.STAND_BY = {bool(late)}"
    found = told(tmp_path, f"{ENDING}\n{variable}\n{stand_by}\nready({settings})\n{late}\nended()")
    assert found == {"left": [left, left]}


def test_no_thread_that_stood_by_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aside, "STAND_BY", True)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.1")
    standing = lambda: sum(thread.name == "otel-llm-exit" for thread in threading.enumerate())  # noqa: E731
    otel_llm.instrument(scrape="off", exit_timeout=30)
    try:
        assert standing() == 2
    finally:
        otel_llm.uninstrument()
    until(lambda: not standing())


def test_a_collector_of_which_nothing_is_known_gets_the_last_export(
    tmp_path: Path, receiver: tuple[str, Received]
) -> None:
    url, received = receiver
    told(
        tmp_path,
        ENDING + f"pipeline.LAST_TRY = 0.0\nos.environ['OTEL_EXPORTER_OTLP_ENDPOINT'] = {url!r}\nready()\ntell()",
    )
    assert list(received.told().values()) == list(received.spans.values()) == [1]
