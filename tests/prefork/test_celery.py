"""celery's prefork pool: the endpoint shows every child's calls, children that were recycled or killed included."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.prefork.scrapes import Figures, Watcher, scrape
from tests.prefork.server import REPOSITORY, START, Process, environment, free_port, kill
from tests.telemetry import until

SEND = "from tests.prefork import tasks\nfor number in range({}, {}): tasks.work.delay(number)"
CELERY = ("-m", "celery", "-A", "tests.prefork.tasks:celery", "worker", "--pool=prefork", "--concurrency=2")
QUIET = ("--without-gossip", "--without-mingle", "--without-heartbeat")


def send(folder: Path, first: int, after: int) -> None:
    program = SEND.format(first, after)
    subprocess.run(
        [sys.executable, "-c", program], env=environment(PREFORK_APP="", PREFORK_FOLDER=str(folder)),
        cwd=REPOSITORY, check=True, timeout=60,
    )  # fmt: skip
    for message in sorted((folder / "sent").iterdir()):
        message.rename(folder / "queue" / message.name)


@pytest.mark.parametrize("recycle", [(), ("--max-tasks-per-child=7",)], ids=["kept", "recycled"])
def test_all_children_count(tmp_path: Path, recycle: tuple[str, ...]) -> None:
    port = free_port()
    url = f"http://127.0.0.1:{port}/metrics"
    command = (*CELERY, *QUIET, *recycle)
    env = {"PREFORK_FOLDER": str(tmp_path), "OTEL_EXPORTER_PROMETHEUS_PORT": str(port)}

    def done() -> set[int]:
        return {int(path.read_text() or 0) for path in (tmp_path / "done").iterdir()}

    def finished(count: int) -> Figures:
        until(lambda: len(list((tmp_path / "done").iterdir())) == count, START)
        return scrape(url)

    (tmp_path / "queue").mkdir()
    with Process(*command, log=tmp_path / "log", **env), Watcher(lambda: scrape(url)) as watcher:
        send(tmp_path, 0, 40)
        assert finished(40).calls == 40
        send(tmp_path, 40, 60)
        shown = finished(60)
        assert (shown.calls, shown.errors) == (60, {})
        assert shown.exemplars > 0  # of the children's: the process that answers has made no call
        assert len(done()) >= 2
        # At the end: a child that waits for work holds billiard's (4.2) lock of the queue, and dies with it.
        if not recycle:
            kill(max(done()))
            assert [scrape(url).calls for _ in range(3)] == [60] * 3
    assert (watcher.falls, watcher.scrapes > 0) == ([], True)
