"""An error event in a Bedrock stream ends the call, however long the app keeps the stream and the exception."""

from __future__ import annotations

from typing import Any

import pytest

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Reply
from tests.behaviour.rows import installed, wanted
from tests.telemetry import Telemetry

HERE = installed("boto3") and wanted("boto3")


@pytest.mark.sdk("boto3")
@pytest.mark.skipif(not HERE, reason="boto3 is not here, or this run is about other SDKs")
@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_error_event_ends_the_call(emulator: Emulator, telemetry: Telemetry) -> None:
    from botocore.exceptions import EventStreamError

    from tests.behaviour.sdks.boto3_rows import ROWS, client

    emulator.reply(Reply.error("rate_limit", after=1))
    stream: Any = ROWS[0].stream(client(emulator.url))  # type: ignore[misc]
    with pytest.raises(EventStreamError) as kept:
        list(stream)
    span = telemetry.one()  # which fails while the call is in flight
    assert (span.outcome, span.error_class, span.statuses) == ("error", "rate_limit", [200])
    assert telemetry.value(catalog.CALLS) == telemetry.value(catalog.CALLS, outcome="error") == 1
    assert kept.value is not None
    stream.close()
