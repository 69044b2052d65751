"""Real servers with worker processes, started on a free port and ended by their own handle."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.prefork.scrapes import GONE, Figures, fetch, scrape
from tests.telemetry import until

REPOSITORY = Path(__file__).resolve().parents[2]
START = 60.0
"""Seconds that a server may take to answer; ours share a slow machine."""


def environment(**extra: str) -> dict[str, str]:
    """The environment without settings of ours or OpenTelemetry's."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("OTEL_", "PROMETHEUS_"))}
    return {**kept, "PYTHONPATH": str(REPOSITORY), "PREFORK_APP": "instrumented", **extra}


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Process:
    """A program, ended at the latest with its block."""

    def __init__(self, *command: str, fds: tuple[int, ...] = (), log: Path, **env: str) -> None:
        self._log = log
        with log.open("wb") as output:
            self.popen = subprocess.Popen(
                [sys.executable, *command], env=environment(**env), cwd=REPOSITORY, pass_fds=fds,
                stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def end(self) -> None:
        """Asks it to end; insists after a while."""
        self.popen.terminate()
        try:
            self.popen.wait(30)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait(10)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
        if error is not None:
            error.add_note(self.log[-4000:])


class Server(Process):
    """A web server around :mod:`tests.prefork.app`; the listening socket is ours, so the port is known."""

    def __init__(self, *command: str, log: Path, scrape_port: int | None = None, **env: str) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._socket.set_inheritable(True)
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self.scrape_port = scrape_port or free_port()
        number = self._socket.fileno()
        super().__init__(
            *(part.format(fd=number) for part in command), fds=(number,), log=log,
            OTEL_EXPORTER_PROMETHEUS_PORT=str(self.scrape_port), **env,
        )  # fmt: skip

    @property
    def endpoint(self) -> str:
        """Our own scrape endpoint."""
        return f"http://127.0.0.1:{self.scrape_port}/metrics"

    def page(self) -> Figures:
        """The app's own metrics page, of whichever worker answers."""
        return scrape(self.url + "/metrics")

    def get(self, path: str) -> int | None:
        """Pid of the worker that answered; ``None`` if it died meanwhile."""
        try:
            return int(fetch(self.url + path))
        except (*GONE, ValueError):
            return None

    def call(self, times: int, threads: int = 4) -> list[int | None]:
        """Makes that many requests, each of which makes one LLM call."""
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(lambda _: self.get("/call"), range(times)))

    def children(self) -> set[int]:
        """Pids of the processes that the server has now, as the system tells it."""
        pid = self.popen.pid
        return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}

    def workers(self, count: int) -> set[int]:
        """Pids of the workers, as soon as so many have answered."""
        seen: set[int] = set()

        def enough() -> bool:
            assert self.popen.poll() is None, self.log
            pid = self.get("/pid")
            if pid is not None:
                seen.add(pid)
            return len(seen) >= count

        until(enough, START)
        return seen

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._socket.close()


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
