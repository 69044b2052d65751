"""Services of one or more processes, each with a provider of its own that knows what it handed out."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Received, Reply, Usage
from otel_llm.demo.prices import PRICES, write_overrides
from otel_llm.demo.prometheus import Prometheus
from tests.contract.app import MODELS
from tests.contract.prometheus import awaited
from tests.prefork.scrapes import scrape
from tests.prefork.server import START, Server

ALONE = ("-m", "tests.contract.app", "{fd}")
GUNICORN = (
    "-m", "gunicorn", "--bind=fd://{fd}", "--preload", "--worker-class=gthread", "--threads=4", "--graceful-timeout=2",
    "tests.contract.app:wsgi",
)  # fmt: skip


def weather(asked: Received) -> Reply:
    """Good answers of any size; of ten requests one fails and is retried by the SDK, two fail for good."""
    if asked.streams:
        return Reply.stream("the ", "first ", "answer", usage=Usage(input=90, output=12))
    if fault := {3: "provider", 6: "auth", 8: "context_length"}.get(asked.number % 10):
        return Reply.error(fault)
    random = Random(asked.number)
    cached = random.choice((0, 1024))
    return Reply(usage=Usage(input=random.randint(50, 2000), cache_read=cached, output=random.randint(20, 400)))


@contextmanager
def kept_port() -> Iterator[int]:
    """A loopback port that nobody else gets, also while the server that listens there is restarted.

    Bound and not listening: a server that sets ``SO_REUSEADDR``, as ours does, can listen there nevertheless.
    """
    with socket.socket() as keeper:
        keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        keeper.bind(("127.0.0.1", 0))
        yield int(keeper.getsockname()[1])


class Replica:
    """One scrape target: a process, or a server with workers behind one endpoint."""

    def __init__(self, stack: ExitStack, folder: Path, emulator: Emulator, *, workers: int = 1) -> None:
        self.port = stack.enter_context(kept_port())
        self.target = f"127.0.0.1:{self.port}"
        self.select = f'{{instance="{self.target}"}}'
        self._stack = stack
        self._folder = folder
        self._emulator = emulator
        self._workers = workers
        self._starts = 0

    def start(self, prices: Path) -> None:
        """Starts the process; :meth:`ready` waits for it."""
        self._starts += 1
        name = f"{self.port}-{self._starts}"
        self._hold = self._folder / f"{name}.hold"
        command = ALONE if self._workers == 1 else (*GUNICORN, f"--workers={self._workers}")
        env = {"OTEL_LLM_PRICES": str(prices), "EMULATOR": self._emulator.url, "HOLD": str(self._hold)}
        server = Server(*command, log=self._folder / f"{name}.log", scrape_port=self.port, **env)
        self._server = self._stack.enter_context(server)

    def kill(self) -> None:
        self._server.popen.kill()
        self._server.popen.wait()

    def first(self, prometheus: Prometheus) -> None:
        """The first calls: they end after a scrape has seen them open, so that every series was seen at 0."""
        pids = self._server.workers(self._workers)
        assert len(pids) == self._workers
        assert self._server.get("/first") in pids
        labels = catalog.label_name(catalog.REQUEST_MODEL)
        series = f"sum by ({labels}) ({catalog.CALLS.series}{self.select})"
        found = awaited(lambda: _of_all_models(prometheus.query(series)), "a scrape with every model")
        assert {row["value"][1] for row in found} == {"0"}
        self._hold.touch()
        awaited(lambda: scrape(self._server.endpoint).value(catalog.INFLIGHT) == 0, "the end of the first calls")

    def calls(self, number: int) -> None:
        """So many calls at least, by every worker."""
        made, pids = 0, set[int | None]()
        deadline = time.monotonic() + START
        while made < number or len(pids) < self._workers:
            answered = self._server.call(number)
            assert None not in answered, self._server.log
            pids.update(answered)
            made += len(answered)
            assert time.monotonic() < deadline, f"{len(pids)} of {self._workers} workers answered"


def _of_all_models(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return rows if len(rows) == len(MODELS) else []


class Service:
    """One job: its replicas and their provider."""

    def __init__(self, stack: ExitStack, folder: Path, replicas: int, *, workers: int = 1) -> None:
        self.emulator = stack.enter_context(Emulator(weather, prices=PRICES))
        self.replicas = [Replica(stack, folder, self.emulator, workers=workers) for _ in range(replicas)]

    @property
    def targets(self) -> list[str]:
        return [replica.target for replica in self.replicas]


def prices(folder: Path) -> Path:
    """The price file of all services, the emulators' own prices."""
    path = folder / "prices.json"
    write_overrides(path)
    return path
