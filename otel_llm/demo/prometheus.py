"""A throw-away Prometheus on a free loopback port, for as long as the demo or a test runs."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast

import msgspec

from otel_llm import catalog
from otel_llm.pack.config import PackConfig
from otel_llm.pack.rules import Group, accelerate, alert_groups, recording_groups

JOB: Final = "llm-demo"
_START_TIMEOUT: Final = 20.0
_STOP_TIMEOUT: Final = 10.0
_OWN_LABELS: Final = ("alertname", "component", "job", "severity")
_PROVIDER: Final = catalog.label_name(catalog.PROVIDER)


class Alert(msgspec.Struct, frozen=True):
    """An alert that is pending or firing."""

    name: str
    severity: str
    where: str
    """Values of the labels that tell what it is about: the provider first, then model, class and the like."""
    state: str


class PrometheusError(RuntimeError):
    """Prometheus did not start; the message holds the end of its log."""


def pack_rules(speed: float) -> list[Group]:
    """All rules of the pack, ``speed`` times faster than they are written."""
    config = PackConfig()
    return accelerate([*recording_groups(config), *alert_groups(config)], speed)


def installed() -> str | None:
    """Path of the ``prometheus`` program, ``None`` if there is none."""
    return shutil.which("prometheus")


def free_port() -> int:
    """A loopback port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Prometheus:
    """Scrapes targets and evaluates rules, each at an interval of its own."""

    def __init__(
        self, program: str, folder: Path, jobs: Mapping[str, Sequence[str]], groups: list[Group], *,
        interval: str = "500ms", honor_labels: bool = False, more: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        """``folder`` is an empty directory for config and data. ``jobs`` are the targets, ``host:port``, by job name;
        ``interval`` is that of scrapes; with ``honor_labels`` a series' own ``job`` and ``instance`` stand. ``more``
        are further sections of the configuration file."""
        self._program = program
        self._folder = folder
        self._groups = groups
        self._settings = {
            "global": {"scrape_interval": interval, "evaluation_interval": "1s"},
            "rule_files": ["rules.yml"],
            "scrape_configs": [
                {"job_name": job, "honor_labels": honor_labels, "static_configs": [{"targets": list(targets)}]}
                for job, targets in jobs.items()
            ],
            **(more or {}),
        }
        self.url = f"http://127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._write_config()
        log = (self._folder / "prometheus.log").open("wb")
        with log:
            self._process = subprocess.Popen(
                [
                    self._program, f"--config.file={self._folder / 'prometheus.yml'}",
                    f"--storage.tsdb.path={self._folder / 'data'}", "--log.level=warn",
                    f"--web.listen-address={self.url.removeprefix('http://')}",
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,  # Ctrl-C is for us; we stop it in order
            )  # fmt: skip
        try:
            self._await_ready()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def query(self, expr: str, at: float | None = None) -> list[dict[str, Any]]:
        """Result of an instant query, now or ``at`` a time in seconds since 1970. Raises ``OSError`` if Prometheus does
        not answer."""
        asked = {"query": expr} if at is None else {"query": expr, "time": f"{at:.3f}"}
        encoded = urllib.parse.urlencode(asked)
        return cast("list[dict[str, Any]]", self._get(f"/api/v1/query?{encoded}")["data"]["result"])

    def alerts(self) -> list[Alert]:
        """Alerts that are pending or firing now; empty if Prometheus does not answer."""
        try:
            found: list[dict[str, Any]] = self._get("/api/v1/alerts")["data"]["alerts"]
        except OSError:
            return []
        return [_alert(row["labels"], row["state"]) for row in found]

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)

    def _write_config(self) -> None:
        (self._folder / "rules.yml").write_text(json.dumps({"groups": self._groups}), encoding="utf-8")  # JSON is YAML
        (self._folder / "prometheus.yml").write_text(json.dumps(self._settings), encoding="utf-8")

    def _await_ready(self) -> None:
        deadline = time.monotonic() + _START_TIMEOUT
        while True:
            try:
                with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1):
                    return
            except OSError:
                dead = self._process is None or self._process.poll() is not None
                if dead or time.monotonic() > deadline:
                    raise PrometheusError(f"prometheus did not start: {self._log_end()}") from None
                time.sleep(0.05)

    def _log_end(self) -> str:
        lines = (self._folder / "prometheus.log").read_text(encoding="utf-8", errors="replace").splitlines()
        return " | ".join(lines[-3:]) or "its log is empty"

    def _stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def _alert(labels: dict[str, str], state: str) -> Alert:
    chosen = [name for name in labels if name not in _OWN_LABELS]
    where = " ".join(labels[name] for name in sorted(chosen, key=lambda name: (name != _PROVIDER, name)))
    return Alert(labels["alertname"], labels.get("severity", ""), where, state)
