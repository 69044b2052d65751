"""Every client in every scenario, sync and async: the app sees what it sees without us, and the telemetry is right."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from opentelemetry import context

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator
from tests.behaviour import scenarios
from tests.behaviour.rows import ROWS, Row
from tests.behaviour.scenarios import Scenario, request_shown, run, shown
from tests.telemetry import Figures, SpanFacts, Telemetry, observed, until


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The telemetry of one scenario."""

    scenario: Scenario
    needs: str = ""
    """Field of the row without which the scenario cannot run."""
    outcome: str = "success"
    error_class: str | None = None
    statuses: tuple[int | None, ...] = (200,)
    retried: int = 0
    streamed: bool = False
    whole: bool = True
    """Whether the answer was read to its end, so that usage and finish reasons are stated."""


LEFT = {"needs": "stream", "outcome": "abandoned", "streamed": True, "whole": False}
FAILED = {"outcome": "error", "whole": False}
SCENARIOS = {
    "plain": Expected(scenario=scenarios.plain),
    "stream": Expected(scenario=scenarios.stream, needs="stream", streamed=True),
    "helper": Expected(scenario=scenarios.helper, needs="helper", streamed=True),
    "raw": Expected(scenario=scenarios.raw, needs="raw"),
    "streaming-response": Expected(scenario=scenarios.streaming, needs="streaming"),
    "parse": Expected(scenario=scenarios.parse, needs="parse"),
    "error": Expected(scenario=scenarios.error, **FAILED, error_class="bad_request", statuses=(400,)),
    "retry": Expected(scenario=scenarios.retry, needs="retries", statuses=(500, 200), retried=1),
    "exhausted": Expected(
        scenario=scenarios.exhausted,
        needs="exhausts",
        **FAILED,
        error_class="provider",
        statuses=(500, 500, 500),
        retried=2,
    ),
    "break": Expected(scenario=scenarios.leave, **LEFT),
    "drop": Expected(scenario=scenarios.drop, **LEFT),
    "cancel": Expected(scenario=scenarios.cancel, outcome="cancelled", statuses=(None,), whole=False),
    "cancel-stream": Expected(
        scenario=scenarios.cancel_stream, needs="stream", outcome="cancelled", streamed=True, whole=False
    ),
    "error-event": Expected(
        scenario=scenarios.error_event, needs="stream", **FAILED, error_class="rate_limit", streamed=True
    ),
    "cut": Expected(scenario=scenarios.cut, needs="stream", **FAILED, error_class="network", streamed=True),
}
ASYNC_ONLY = ("cancel-stream",)
"""Ctrl-C hits a thread anywhere, not just in its read."""
LINES = ("break", "drop", "cancel-stream", "error-event", "cut")
"""Scenarios in which a client that reads line by line sees less than what came."""

CELLS = [
    pytest.param(
        row, expected, sync, id=f"{row.name}-{name}-{'sync' if sync else 'async'}", marks=pytest.mark.sdk(row.sdk)
    )
    for row in ROWS
    for name, expected in SCENARIOS.items()
    for sync in (True, False)
    if not expected.needs or getattr(row, expected.needs)
    if (row.sync if sync else row.asynchronous) is not None
    if not ((sync or row.blocks) and name in ASYNC_ONLY)
    if sync or not (row.async_lines and name in LINES)
]


# aiohttp's: of google-genai, and of what a test looks at in its errors
pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class .* from ClientSession:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:code property is deprecated:DeprecationWarning"),
]


@pytest.fixture
def emulators() -> Iterator[list[Emulator]]:
    """Two of them, so that both runs get the same ids."""
    with Emulator() as bare, Emulator() as instrumented:
        yield [bare, instrumented]


@pytest.mark.parametrize(("row", "expected", "sync"), CELLS)
def test_cell(row: Row, expected: Expected, sync: bool, emulators: list[Emulator]) -> None:
    if not row.closes_on_drop:
        warnings.simplefilter("ignore", ResourceWarning)
    if expected.scenario is scenarios.error_event:
        expected = replace(expected, error_class=row.error_event)
    without = seen(row, expected.scenario, sync, emulators[0])
    with observed() as telemetry:
        with_us = seen(row, expected.scenario, sync, emulators[1])
        until(lambda: telemetry.spans() or gc.collect() < 0)
        check_span(row, expected, telemetry.one())
        check_series(row, expected, telemetry.figures())
        check_chunks(telemetry)
    assert with_us == without


@pytest.mark.parametrize(
    ("row", "sync"),
    [
        pytest.param(row, sync, id=f"{row.name}-{'sync' if sync else 'async'}", marks=pytest.mark.sdk(row.sdk))
        for row in ROWS
        for sync in (True, False)
        if (row.sync and row.lazy if sync else row.asynchronous and row.async_lazy)
    ],
)
def test_stream_that_is_never_iterated_is_no_call(row: Row, sync: bool, emulators: list[Emulator]) -> None:
    without = seen(row, scenarios.never_iterated, sync, emulators[0])
    with observed() as telemetry:
        assert seen(row, scenarios.never_iterated, sync, emulators[1]) == without
        assert emulators[1].requests == []
        assert telemetry.spans() == []
        assert telemetry.value(catalog.CALLS) == 0


def seen(row: Row, scenario: Scenario, sync: bool, emulator: Emulator) -> Any:
    """What the app gets to see, and what it sent. The scenario leaves no context of ours behind."""

    async def whole() -> Any:
        client = (row.sync if sync else row.asynchronous)(emulator.url)
        before = context.get_current()
        try:
            return shown(await scenario(row, client, emulator)), context.get_current() == before
        except BaseException as error:
            return shown(error), context.get_current() == before
        finally:
            await scenarios.settled(client.close())

    result, left_alone = run(whole(), sync=sync)
    assert left_alone
    return result, [request_shown(received) for received in emulator.requests]


def check_span(row: Row, expected: Expected, span: SpanFacts) -> None:
    assert span.span.name == f"{row.operation} {row.model}"
    assert span[catalog.SPAN_CLIENT] == row.client
    assert span[catalog.PROVIDER] == (row.provider or row.client)
    assert span[catalog.OPERATION] == row.operation
    assert span[catalog.REQUEST_MODEL] == row.model
    assert span[catalog.SERVER_ADDRESS] == "127.0.0.1"
    assert (span.outcome, span.error_class) == (expected.outcome, expected.error_class)
    assert span.span.status.is_ok is (expected.outcome != "error")
    assert bool(span.get(catalog.ERROR_TYPE)) is (expected.outcome == "error")
    assert span.statuses == list(expected.statuses)
    assert [attempt[catalog.ATTEMPT_NUMBER] for attempt in span.attempts] == list(range(1, len(expected.statuses) + 1))
    answered = [attempt for attempt in span.attempts if attempt.get(catalog.HTTP_STATUS)]
    assert all(bool(attempt.get(catalog.ATTEMPT_REQUEST_ID)) is row.request_ids for attempt in answered)
    assert [catalog.ATTEMPT_BACKOFF in attempt for attempt in span.attempts] == [False] + [True] * expected.retried
    assert span.get(catalog.SPAN_RETRIES) == (expected.retried or None)
    assert (span.get(catalog.TIME_TO_FIRST_CHUNK) is not None) is expected.streamed
    if expected.whole:
        assert span.tokens == row.tokens
        assert span.finish == list(row.finish)
        assert span.get(catalog.RESPONSE_MODEL) == (row.model if row.states_model else None)
    else:
        assert span.tokens == (row.early_tokens if expected.streamed else (None, None))


def check_chunks(telemetry: Telemetry) -> None:
    """Every output chunk but the first has waited for the one before."""
    chunks = telemetry.one().get(catalog.SPAN_CHUNKS) or 0
    assert telemetry.value(catalog.OUTPUT_CHUNK) == max(chunks - 1, 0)


def check_series(row: Row, expected: Expected, figures: Figures) -> None:
    model = {
        "gen_ai_operation_name": row.operation,
        "gen_ai_provider_name": row.provider or row.client,
        "gen_ai_request_model": row.model.lower(),  # one label for what is one model
    }
    ended = {"outcome": expected.outcome, "error_class": expected.error_class or ""}
    assert figures.value(catalog.CALLS) == figures.value(catalog.CALLS, **model, **ended) == 1
    assert figures.value(catalog.RETRIES) == figures.value(catalog.RETRIES, **model, error_class="provider")
    assert figures.value(catalog.RETRIES) == expected.retried
    assert (figures.value(catalog.RETRY_WAIT) > 0) is bool(expected.retried)
    assert figures.value(catalog.INFLIGHT, **model) == figures.value(catalog.OLDEST_INFLIGHT, **model) == 0
    assert figures.value(catalog.DURATION, **model) == 1
    assert figures.value(catalog.FIRST_CHUNK) == expected.streamed
    tokens = row.tokens if expected.whole else row.early_tokens if expected.streamed else (None, None)
    stated = {kind: count for kind, count in zip(("input", "output"), tokens, strict=True) if count}
    assert figures.counts(catalog.CALL_TOKENS, catalog.TOKEN_TYPE) == stated
    assert figures.value(catalog.TOKEN_USAGE) == len(stated)
    finish = dict.fromkeys(row.finish, 1.0) if expected.whole else {"error": 1.0} if expected.streamed else {}
    assert figures.counts(catalog.FINISH, catalog.FINISH_REASON) == finish
    unfinished = expected.outcome in ("abandoned", "cancelled")
    assert figures.counts(catalog.USAGE_MISSING, catalog.REASON) == ({"stream_unfinished": 1.0} if unfinished else {})
