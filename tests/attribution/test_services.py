"""Attribution over services: baggage that one process writes into a request's headers and another one reads."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest
from opentelemetry.baggage.propagation import W3CBaggagePropagator

import otel_llm
from otel_llm.demo.emulator import Emulator
from tests.telemetry import observed

ROOT = Path(__file__).parents[2]
KEYS = "feature,tenant,team"
TENANT = "Müller & Søn, a=b; 100% 東京"
"""What baggage has to quote: comma, equals sign, semicolon, percent, blanks, more than ASCII."""
GIVEN = {"feature": "search", "tenant": TENANT, "team": "core"}


def asked_over_http(emulator: Emulator, *, write: str, read: str) -> tuple[str, dict[str, dict[str, str]]]:
    """The baggage header that this process sent, and what the other one told of its call."""
    command = [sys.executable, "-m", "tests.attribution.services", emulator.url, read]
    with (
        observed(attribution=KEYS, baggage_write=write),
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as service,
    ):
        try:
            assert service.stdout is not None
            url = f"http://127.0.0.1:{int(service.stdout.readline())}/"
            headers: dict[str, str] = {}
            with otel_llm.attribution(**GIVEN):
                W3CBaggagePropagator().inject(headers)
            with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
                assert answer.status == 204
            told, _ = service.communicate(timeout=30)
        finally:
            service.kill()
    assert service.returncode == 0
    return headers.get("baggage", ""), json.loads(told)


@pytest.mark.parametrize(
    ("write", "read", "arrives"),
    [
        ("feature,tenant", "feature,tenant", {"feature": "search", "tenant": TENANT}),
        ("feature,tenant,team", "tenant", {"tenant": TENANT}),
        ("team", "feature,tenant,team", {"team": "core"}),
        ("feature,tenant", "", {}),
        ("", "feature,tenant", {}),
    ],
    ids=["both", "reads one", "writes one", "reads none by default", "writes none by default"],
)
def test_what_one_service_writes_another_reads_if_both_allow_it(
    emulator: Emulator, write: str, read: str, arrives: dict[str, str]
) -> None:
    header, told = asked_over_http(emulator, write=write, read=read)
    sent = [name for name in GIVEN if f"otel_llm.attribution.{name}=" in header]
    assert sent == [name for name in GIVEN if name in write.split(",")]
    assert header.isascii()
    assert told == {"series": arrives, "span": arrives}
