"""A real Prometheus on a free loopback port."""

from __future__ import annotations

import json
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


@dataclass(frozen=True)
class Prometheus:
    """A running server."""

    url: str

    def query(self, promql: str, at: float | None = None) -> list[dict[str, Any]]:
        """Result of an instant query. Raises :class:`AssertionError` with Prometheus' own words where it refuses."""
        body = {"query": promql} | ({"time": f"{at:.0f}"} if at else {})
        request = urllib.request.Request(f"{self.url}/api/v1/query", urllib.parse.urlencode(body).encode())
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.load(answer)["data"]["result"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{json.load(error)['error']}: {promql}") from error


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def serve(folder: Path, config: str = "global: {}\n") -> Iterator[Prometheus]:
    """Prometheus over the blocks in ``folder``; ends with the block."""
    program = shutil.which("prometheus")
    assert program, "prometheus is needed: apt-get install prometheus"
    port = free_port()
    (folder.parent / "prometheus.yml").write_text(config)
    process = subprocess.Popen(
        [program, f"--config.file={folder.parent / 'prometheus.yml'}", f"--storage.tsdb.path={folder}",
         "--storage.tsdb.retention.time=60d", f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"],
    )  # fmt: skip
    try:
        _wait(f"http://127.0.0.1:{port}/-/ready", process)
        yield Prometheus(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(30)


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        assert process.poll() is None, "prometheus ended"
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("prometheus is not ready after 30 s")


def import_openmetrics(text: Path, folder: Path) -> None:
    """Blocks from OpenMetrics text."""
    subprocess.run(["promtool", "tsdb", "create-blocks-from", "--max-block-duration=240h", "-q", "openmetrics",
                    str(text), str(folder)], check=True, capture_output=True)  # fmt: skip


def _turns(rules: Path) -> Iterator[list[dict[str, Any]]]:
    """Groups of rules that read no others, then of those that read these, and so on: each rule once."""
    groups: list[dict[str, Any]] = yaml.safe_load(rules.read_text())["groups"]
    open_ = {rule["record"]: rule["expr"] for group in groups for rule in group["rules"]}
    while open_:
        names = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in open_))
        ready = {name for name, expr in open_.items() if not names.search(expr)}
        assert ready, f"rules that read each other: {open_.keys()}"
        yield [{"name": "turn", "rules": [{"record": name, "expr": open_.pop(name)} for name in sorted(ready)]}]


def backfill(rules: Path, folder: Path, spans: list[tuple[float, float]], every: int = 60) -> None:
    """Writes what recording rules would have written in the spans, a sample each so many seconds."""
    for number, groups in enumerate(_turns(rules)):
        made, turn = folder.parent / f"recorded-{number}", folder.parent / f"turn-{number}.yml"
        turn.write_text(yaml.safe_dump({"groups": groups}, width=9999))
        with serve(folder) as prometheus:
            for start, end in spans:
                subprocess.run(["promtool", "tsdb", "create-blocks-from", "rules", f"--url={prometheus.url}",
                                f"--start={start:.0f}", f"--end={end:.0f}", f"--eval-interval={every}s",
                                f"--output-dir={made}", str(turn)], check=True, capture_output=True)  # fmt: skip
        for block in made.iterdir():
            if (block / "meta.json").is_file():
                shutil.move(block, folder / block.name)
