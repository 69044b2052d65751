"""The other providers' recorded exchanges through the real SDKs that are installed (``python -m tests.matrix``)."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from tests.behaviour.rows import installed
from tests.behaviour.rows import wanted as wanted_sdk
from tests.formats.recordings import OUT_OF_SCOPE, exchanges, wanted
from tests.recordings.agreement import facts, stated
from tests.recordings.drivers import DRIVERS
from tests.recordings.replaying import replay_module
from tests.telemetry import SpanFacts, Telemetry, observed

GUESSED = "the expected operation is a guess: the request is Cohere's chat"
DIFFERING: dict[str, tuple[set[str], str]] = {
    "aws-bedrock-8876a7da873e": ({"operation"}, GUESSED),
    "aws-bedrock-b908a9be0601": ({"operation"}, GUESSED),
}
"""Rows that do not agree: the fields, and why."""

pytestmark = pytest.mark.filterwarnings("default")  # these are many SDKs' own, of old models


@pytest.mark.parametrize(
    "provider",
    [pytest.param(name, marks=pytest.mark.sdk(sdk)) for name, (sdk, _, _) in DRIVERS.items() if wanted_sdk(sdk)],
)
def test_provider(provider: str, shared: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sdk, drive, named = DRIVERS[provider]
    if not installed(sdk):
        pytest.skip(f"{sdk} is installed by the version matrix only")
    files = shared / "recordings" / "exchanges.jsonl.gz"
    wrong: dict[str, dict[str, Any]] = {}
    seen: list[str] = []
    with replay_module(shared).Server(files) as server, observed(model_cap=1000) as telemetry:
        for exchange, expected in exchanges(shared):
            if exchange["provider"] != provider or exchange["api"] in OUT_OF_SCOPE:
                continue
            seen.append(exchange["id"])
            # What an SDK makes of an old answer is its own matter: the span is of the bytes.
            with contextlib.suppress(Exception):
                drive(f"{server.url}/@id:{exchange['id']}", exchange, expected)
            if differ := differences(exchange, expected, named, telemetry):
                wrong[exchange["id"]] = differ
        telemetry.logged.clear()
    with capsys.disabled():
        print(f"\n  {provider}: {len(seen) - len(wrong)} of {len(seen)} agree")
    assert seen
    listed = {row: fields for row, (fields, _) in DIFFERING.items() if row in seen}
    assert {key: set(fields) for key, fields in wrong.items()} == listed, wrong


def differences(exchange: Any, expected: Any, provider: str, telemetry: Telemetry) -> dict[str, Any]:
    spans = [SpanFacts(span) for span in telemetry.exporter.get_finished_spans()]
    telemetry.exporter.clear()
    if len(spans) != 1:
        return {"spans": (len(spans), 1)}
    want, got = wanted(expected), stated(spans[0])
    should = facts(want, expected, provider, None)
    if should["error_type"] is None and want.error:
        del should["error_type"]  # the SDK's exception
    return {key: (got[key], should[key]) for key in should if got[key] != should[key]}
