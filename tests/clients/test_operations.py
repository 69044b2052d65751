"""Every operation of every client, sync and async: one call with the facts of its answer."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from otel_llm import catalog
from tests.behaviour import scenarios
from tests.behaviour.rows import installed, wanted
from tests.clients.canned import Canned, canned
from tests.clients.operations import OPERATIONS
from tests.clients.operations.operation import Operation
from tests.telemetry import Telemetry, until

# The SDKs' own clients are left to the collector here; the behaviour matrix closes them.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

CASES = [
    pytest.param(
        operation, sync, marks=pytest.mark.sdk(operation.sdk),
        id=f"{operation.sdk}-{operation.name}-{'sync' if sync else 'async'}",
    )
    for operation in OPERATIONS
    if installed(operation.sdk) and wanted(operation.sdk)
    for sync in (True, False)
    if (operation.sync if sync else operation.asynchronous) is not None
]  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[Canned]:
    with canned() as running:
        yield running


@pytest.mark.parametrize(("operation", "sync"), CASES)
def test_operation(operation: Operation, sync: bool, server: Canned, telemetry: Telemetry) -> None:
    server.answer = operation.answer
    scenarios.run(called(operation, sync, server.url), sync=sync)
    until(lambda: telemetry.spans() or gc.collect() < 0)  # collecting takes long where many SDKs are imported
    span = telemetry.one()
    assert span[catalog.SPAN_CLIENT] == operation.client
    assert span[catalog.PROVIDER] == operation.provider
    assert span[catalog.OPERATION] == operation.kind
    assert span.get(catalog.REQUEST_MODEL) == operation.model
    assert bool(span.get(catalog.REQUEST_STREAM)) is operation.stream
    assert (span.outcome, span.statuses) == ("success", [200])
    assert (span.tokens, span.finish) == (operation.tokens, list(operation.finish))
    assert telemetry.value(catalog.CALLS) == 1


async def called(operation: Operation, sync: bool, url: str) -> None:
    make: Any = operation.sync if sync else operation.asynchronous
    client = make(url)
    if not operation.there(client):
        pytest.skip(f"this release has no {operation.needs}")
    answer = await scenarios.settled(operation.call(client))
    if operation.stream and not isinstance(answer, list):
        await scenarios.items(answer)
