"""Each reason for missing usage and for a missing price, from a call of the real SDK to the scrape."""

from __future__ import annotations

import json
from pathlib import Path

import openai
import pytest

from otel_llm import catalog
from otel_llm.catalog import UNPRICED_VALUES, USAGE_MISSING_VALUES, Metric
from otel_llm.demo.emulator import Emulator, Reply, Usage
from tests.telemetry import observed

INPUT_ONLY = {"prices": [{"model": "input-only", "input": 1.0}]}
PAGE = Reply.raw("<html>a proxy's page</html>", content_type="text/html")
ROWS: list[tuple[Metric, str, Reply, dict[str, object]]] = [
    (catalog.USAGE_MISSING, "not_stated", Reply(usage=None), {}),
    (catalog.USAGE_MISSING, "stream_unfinished", Reply(usage=None, terminator=False), {"stream": True}),
    (catalog.USAGE_MISSING, "undecodable", PAGE, {}),
    (catalog.USAGE_MISSING, "inconsistent", Reply(usage=Usage(input=-5, cache_read=16, output=7)), {}),
    (catalog.UNPRICED, "unknown_model", Reply(), {"model": "nobody-knows"}),
    (catalog.UNPRICED, "unknown_token_type", Reply(), {"model": "input-only"}),
    (catalog.UNPRICED, "unknown_service_tier", Reply(tier="scale"), {}),
]


@pytest.mark.parametrize(("metric", "reason", "reply", "fields"), ROWS, ids=[row[1] for row in ROWS])
def test_the_reason_is_counted_and_nothing_is_invented(
    emulator: Emulator, tmp_path: Path, metric: Metric, reason: str, reply: Reply, fields: dict[str, object]
) -> None:
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps(INPUT_ONLY))
    emulator.reply(reply)
    asked = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}], **fields}
    with observed(prices=str(prices)) as telemetry:
        with openai.OpenAI(base_url=f"{emulator.url}/v1", api_key="k", max_retries=0) as client:
            answer = client.chat.completions.create(**asked)  # pyright: ignore[reportCallIssue, reportArgumentType]
            if "stream" in fields:
                list(answer)
        told = {found: telemetry.counts(found, catalog.REASON) for found in (catalog.USAGE_MISSING, catalog.UNPRICED)}
        assert told == {catalog.USAGE_MISSING: {}, catalog.UNPRICED: {}, metric: {reason: 1}}
        assert telemetry.value(catalog.CALLS) == 1
        assert telemetry.value(catalog.COST) == 0
        assert telemetry.value(catalog.CALL_TOKENS) == (18 if metric is catalog.UNPRICED else 0)
        assert telemetry.one().get(catalog.SPAN_COST) is None


def test_every_reason_has_a_row() -> None:
    assert {row[1] for row in ROWS} == {*USAGE_MISSING_VALUES, *UNPRICED_VALUES}
