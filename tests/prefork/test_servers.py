"""gunicorn and uvicorn with real workers: one scrape shows them all, to the figure, whoever is killed or recycled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from otel_llm import catalog
from tests.prefork.app import INPUT, OUTPUT
from tests.prefork.scrapes import GONE, Figures, Watcher, scrape
from tests.prefork.server import START, Server, kill
from tests.telemetry import until

GUNICORN = ("-m", "gunicorn", "--bind=fd://{fd}", "--workers=2", "--graceful-timeout=5")
WSGI, ASGI = "tests.prefork.app:wsgi", "tests.prefork.app:asgi"
COMMANDS = {
    "gunicorn-sync": (*GUNICORN, WSGI),
    "gunicorn-sync-preload": (*GUNICORN, "--preload", WSGI),
    "gunicorn-gthread": (*GUNICORN, "--worker-class=gthread", "--threads=4", WSGI),
    "gunicorn-gthread-preload-recycled": (
        *GUNICORN, "--worker-class=gthread", "--threads=4", "--preload", "--max-requests=20", WSGI,
    ),
    "gunicorn-uvicorn": (*GUNICORN, "--worker-class=uvicorn_worker.UvicornWorker", ASGI),
    "uvicorn": ("-m", "uvicorn", "--fd={fd}", "--workers=2", ASGI),
    "uvicorn-recycled": ("-m", "uvicorn", "--fd={fd}", "--workers=2", "--limit-max-requests=20", ASGI),
}  # fmt: skip
RECYCLED = [name for name in COMMANDS if name.endswith("recycled")]
SLOW = {"gunicorn-gthread", "uvicorn-recycled"}
Start = Callable[..., Server]


@pytest.fixture
def start(tmp_path: Path) -> Start:
    return lambda name, **env: Server(*COMMANDS[name], log=tmp_path / "log", **env)


def cases(names: Iterable[str]) -> list[ParameterSet]:
    return [pytest.param(name, marks=pytest.mark.slow if name in SLOW else ()) for name in names]


@pytest.mark.parametrize("name", cases(name for name in COMMANDS if name not in RECYCLED))
def test_every_worker_shows_the_sum_and_a_killed_one_takes_nothing_along(start: Start, name: str) -> None:
    with start(name) as server:
        workers = server.workers(2)
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
