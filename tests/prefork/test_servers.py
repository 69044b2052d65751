"""gunicorn and uvicorn with real workers: one scrape shows them all, to the figure, whoever is killed or recycled."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self
from unittest import mock

import httpx
import pytest
import uvicorn
from _pytest.mark import ParameterSet

from otel_llm import catalog, guard
from otel_llm.prefork import family, processes
from tests.prefork.app import INPUT, OUTPUT, asgi
from tests.prefork.scrapes import GONE, Figures, Watcher, scrape
from tests.prefork.server import START, Server, kill
from tests.telemetry import Telemetry, until

GUNICORN = ("-m", "gunicorn", "--bind=fd://{fd}", "--workers=2", "--graceful-timeout=5")
WSGI, ASGI = "tests.prefork.app:wsgi", "tests.prefork.app:asgi"
COMMANDS = {
    "gunicorn-sync": (*GUNICORN, WSGI),
    "gunicorn-sync-preload": (*GUNICORN, "--preload", WSGI),
    "gunicorn-gthread": (*GUNICORN, "--worker-class=gthread", "--threads=4", WSGI),
    "gunicorn-gthread-preload-recycled": (
        *GUNICORN, "--worker-class=gthread", "--threads=4", "--preload", "--max-requests=20", WSGI,
    ),
    "gunicorn-gevent": (*GUNICORN, "--worker-class=gevent", WSGI),
    "gunicorn-gevent-preload": (*GUNICORN, "--worker-class=gevent", "--preload", WSGI),
    "gunicorn-uvicorn": (*GUNICORN, "--worker-class=uvicorn_worker.UvicornWorker", ASGI),
    "gunicorn-uvicorn-preload": (*GUNICORN, "--worker-class=uvicorn_worker.UvicornWorker", "--preload", ASGI),
    "uvicorn": ("-m", "uvicorn", "--fd={fd}", "--workers=2", ASGI),
    "uvicorn-recycled": ("-m", "uvicorn", "--fd={fd}", "--workers=2", "--limit-max-requests=20", ASGI),
}  # fmt: skip
RECYCLED = [name for name in COMMANDS if name.endswith("recycled")]
SLOW = {"gunicorn-gevent-preload", "gunicorn-gthread", "uvicorn-recycled", "gunicorn-uvicorn-preload"}
Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return lambda name, **env: Server(*COMMANDS[name], log=tmp_path / "log", **env)


def cases(names: Iterable[str]) -> list[ParameterSet]:
    return [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in names]


@pytest.mark.parametrize("name", cases(name for name in COMMANDS if name not in RECYCLED))
def test_every_worker_shows_the_sum_and_a_killed_one_takes_nothing_along(start: Start, name: str) -> None:
    with start(name) as server:
        home = family.home() / str(processes.process(server.popen.pid))
        workers = server.workers(2)
        assert home.is_dir()
        with Watcher(server.page) as watcher:
            answered = server.call(60)
            assert set(answered) == workers, "both workers must have counted, or the test shows nothing"
            assert {server.page().calls for _ in range(8)} == {60}
            kill(min(workers))
            server.workers(1)
            again = server.call(60)
            acknowledged = 60 + sum(pid is not None for pid in again)
            shown = server.page()
        assert acknowledged <= shown.calls <= 120
        assert shown.value(catalog.CALL_TOKENS) == shown.calls * (INPUT + OUTPUT)
        assert shown.value(catalog.DURATION) == shown.calls
        assert shown.value(catalog.INFLIGHT) == 0
        assert shown.exemplars > 0
        assert shown.errors == {}
        # The killed worker may have had the endpoint: then nobody listens until another one took it over.
        assert until(lambda: _try(lambda: scrape(server.endpoint)), START).calls == shown.calls
        assert (watcher.falls, watcher.scrapes > 0) == ([], True)
    assert "Traceback" not in server.log
    family.sweep(family.home() / "next")  # as the next app does: one that was killed cleans nothing
    assert not home.exists()


@pytest.mark.parametrize("name", cases(RECYCLED))
def test_recycled_workers_leave_their_figures(start: Start, name: str) -> None:
    with start(name) as server:
        first = server.workers(2)
        with Watcher(server.page) as watcher:
            answered: list[int] = []
            until(lambda: answered.extend(p for p in server.call(20) if p) or len(set(answered) - first) > 1, START)
            shown = server.page()
        # A request that was refused while its worker ended was not counted; one that was cut may have been.
        assert shown.calls >= len(answered)
        before = shown.calls
        more = sum(pid is not None for pid in server.call(10, threads=1))
        assert server.page().calls - before >= more > 0
        assert (watcher.falls, watcher.scrapes > 0) == ([], True)
        assert shown.errors == {}


class Load:
    """Requests all the time, in a thread, until its block ends."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.answered: list[int | None] = []

    def _run(self) -> None:
        while not self._stop.is_set():
            self.answered += self._server.call(8, threads=2)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


@pytest.mark.parametrize(
    "name", ["gunicorn-sync", "gunicorn-uvicorn-preload", pytest.param("gunicorn-gthread", marks=pytest.mark.slow)]
)
def test_workers_that_are_reloaded_added_and_removed_under_load(start: Start, name: str) -> None:
    """gunicorn's HUP, TTIN and TTOU, with requests on the way: each is counted once, and nothing falls meanwhile."""
    with start(name) as server:
        first = server.workers(2)
        master = server.popen.pid

        def told(number: signal.Signals, done: Callable[[set[int]], bool]) -> None:
            os.kill(master, number)
            until(lambda: done(server.children()), START)

        with Watcher(server.page) as watcher, Watcher(lambda: scrape(server.endpoint)) as other:
            with Load(server) as load:
                until(lambda: len(load.answered) > 20, START)
                told(signal.SIGHUP, lambda now: len(now) == 2 and not now & first)
                told(signal.SIGTTIN, lambda now: len(now) == 3)
                told(signal.SIGTTOU, lambda now: len(now) == 2)
            shown, asked = server.page().calls, len(load.answered)
            assert sum(pid is not None for pid in load.answered) <= shown <= asked
            assert len(set(load.answered) - {None}) > 2, "new workers must have counted, or the test shows nothing"
            more = server.call(20)
            assert None not in more
            assert {server.page().calls for _ in range(6)} == {shown + 20}
        assert (watcher.falls, watcher.scrapes > 0) == ([], True)
        assert (other.falls, other.scrapes > 0) == ([], True)
        assert server.page().errors == {}


def test_another_worker_takes_the_endpoint_over(start: Start) -> None:
    """Without preload the workers share the endpoint's port among them: whoever has it may die."""
    with start("gunicorn-sync") as server:
        workers = server.workers(2)
        server.call(20)
        until(lambda: scrape(server.endpoint).calls == 20, START)
        for pid in workers:
            kill(pid)
            until(lambda: server.get("/pid") not in (None, *workers), START)
        assert until(lambda: _try(lambda: scrape(server.endpoint)), START).calls == 20
        assert "no scrape endpoint" not in server.log


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gunicorn-sync", "gunicorn-gthread-preload-recycled", "uvicorn"])
def test_soak_with_a_kill_in_every_round(start: Start, name: str) -> None:
    """Twenty workers die under load: counted is what was answered, and of what was not, at most what was asked."""
    with start(name) as server, Watcher(server.page) as watcher:
        answered = asked = 0
        for _ in range(20):
            with ThreadPoolExecutor(1) as pool:
                load = pool.submit(server.call, 60)
                kill(min(server.workers(1)))
                pids = load.result()
            answered, asked = answered + sum(pid is not None for pid in pids), asked + len(pids)
            server.workers(1)
        shown = server.page()
        assert answered <= shown.calls <= asked
        assert shown.value(catalog.DURATION) <= shown.calls <= shown.value(catalog.DURATION) + 20
        assert (watcher.falls, shown.errors) == ([], {})


def _try(take: Callable[[], Figures]) -> Figures | None:
    try:
        return take()
    except GONE:
        return None


# ------------------------------------------------------------------------------------ a server inside of a process
class Uvicorn:
    """A server of this process, as a notebook, a test or a second port of an app has one; ended by its own flag."""

    def __init__(self) -> None:
        self.server = uvicorn.Server(uvicorn.Config(asgi, port=0, log_level="warning", lifespan="off"))
        self._thread = threading.Thread(target=self.server.run)
        self._thread.start()
        until(lambda: self.server.started)

    def end(self, *signals: int) -> None:
        self.server._captured_signals += signals
        self.server.should_exit = True
        self._thread.join(START)


@pytest.mark.parametrize(("signals", "outcome"), [((), "success"), ((signal.SIGTERM,), "abandoned")])
def test_a_server_that_ends_abandons_open_calls_only_with_its_process(
    telemetry: Telemetry, signals: tuple[int, ...], outcome: str
) -> None:
    """In a thread no signal is raised again, so the second row ends nothing but the calls."""
    server = Uvicorn()
    with httpx.Client(transport=httpx.MockTransport(streamed)) as client:
        body = {"model": "gpt-4o", "messages": []}
        with client.stream("POST", "https://api.openai.com/v1/chat/completions", json=body) as response:
            rest = response.iter_raw()
            next(rest)
            server.end(*signals)
            list(rest)
    assert telemetry.one().outcome == outcome


def test_a_last_export_that_cannot_run_is_no_business_of_the_server(telemetry: Telemetry) -> None:
    """As where the loop's executor is shut down already."""
    with mock.patch("asyncio.to_thread", mock.Mock(side_effect=RuntimeError("shut down"))) as export:
        server = Uvicorn()
        server.end()
    assert (export.call_count, server.server.should_exit) == (1, True)
    assert guard.failures()["servers.export"] > 0
    telemetry.forgive()


def streamed(_: httpx.Request) -> httpx.Response:
    base = {"id": "x", "object": "chat.completion.chunk", "model": "gpt-4o"}
    usage = {"prompt_tokens": 1, "completion_tokens": 1}
    rows = [
        {**base, "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]},
        {**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage": usage},
    ]
    events = [*(json.dumps(row) for row in rows), "[DONE]"]
    chunks = (f"data: {event}\n\n".encode() for event in events)
    return httpx.Response(200, headers={"content-type": "text/event-stream"}, content=chunks)
