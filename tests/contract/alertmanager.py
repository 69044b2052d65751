"""A real Alertmanager with the pack's example configuration, and the people that it tells."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from otel_llm.demo.prometheus import free_port
from otel_llm.pack.config import PackConfig
from otel_llm.pack.export import RULE_FORMATS
from tests.contract.prometheus import awaited

EXAMPLE = "alertmanager/example.yml"


class Receivers:
    """Webhooks that remember who was told what: (receiver, alert's name, ``firing`` or ``resolved``)."""

    def __init__(self) -> None:
        told: set[tuple[str, str, str]] = set()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                told.update((message["receiver"], a["labels"]["alertname"], a["status"]) for a in message["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Says nothing."""

        self.told = told
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Receivers:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Alertmanager:
    """A running server."""

    def __init__(self, address: str) -> None:
        self.address = address

    def alerts(self) -> list[dict[str, Any]]:
        """Alerts that it holds for active, inhibited ones included."""
        with urllib.request.urlopen(f"http://{self.address}/api/v2/alerts", timeout=10) as answer:
            return json.load(answer)

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=1):
                return True
        except OSError:
            return False


def configured(webhook: str) -> dict[str, Any]:
    """The exported example with what its user has to put in, receivers, and with waits of seconds."""
    config = yaml.safe_load(RULE_FORMATS["prometheus"](PackConfig())[EXAMPLE])
    config["route"] |= {"group_wait": "2s", "group_interval": "1s"}
    for receiver in config["receivers"]:
        receiver["webhook_configs"] = [{"url": webhook, "send_resolved": True}]
    return config


@contextmanager
def running(folder: Path, webhook: str) -> Iterator[Alertmanager]:
    """Ends with the block."""
    program = shutil.which("prometheus-alertmanager")
    if program is None:
        pytest.fail("no `prometheus-alertmanager` on PATH: `make system` installs it")
    file, server = folder / "alertmanager.yml", Alertmanager(f"127.0.0.1:{free_port()}")
    file.write_text(yaml.safe_dump(configured(webhook)))
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(
            [program, f"--config.file={file}", f"--storage.path={folder / 'alertmanager'}", "--cluster.listen-address=",
             f"--web.listen-address={server.address}", "--log.level=warn"], stdout=log, stderr=log,
        )  # fmt: skip
    try:
        awaited(lambda: server.ready() or process.poll() is not None, "Alertmanager ready")
        assert process.poll() is None, (folder / "alertmanager.log").read_text()
        yield server
    finally:
        process.terminate()
        process.wait(30)
