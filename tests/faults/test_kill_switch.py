"""The kill switch: by environment, by keyword, and in the middle of a running process."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from prometheus_client import REGISTRY

import otel_llm
from otel_llm import catalog
from otel_llm.demo.emulator import Emulator
from tests.behaviour.rows import CHAT
from tests.telemetry import Telemetry, observed


def ask(client: Any, **more: Any) -> Any:
    return client.chat.completions.create(**CHAT, **more)


@pytest.mark.parametrize("variable", ["OTEL_LLM_DISABLED", "OTEL_SDK_DISABLED"])
def test_by_environment(emulator: Emulator, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "true")
    before = openai._base_client.SyncAPIClient.__dict__["request"]
    collectors = set(REGISTRY._collector_to_names)
    with observed() as telemetry, openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        assert openai._base_client.SyncAPIClient.__dict__["request"] is before
        assert set(REGISTRY._collector_to_names) == collectors
        assert ask(client).choices
        assert telemetry.spans() == []


def test_at_run_time(emulator: Emulator, telemetry: Telemetry) -> None:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        opened = ask(client, stream=True)
        first = next(iter(opened))
        otel_llm.disable()
        try:
            assert ask(client).choices
            assert telemetry.spans() == []
            rest = list(opened)
        finally:
            otel_llm.enable()
        assert first.choices
        assert rest
        assert [span.outcome for span in telemetry.spans()] == ["success"]  # it was open: it is reported
        ask(client)
        assert telemetry.value(catalog.CALLS) == 2


def test_outlasts_instrument(emulator: Emulator) -> None:
    otel_llm.disable()
    try:
        with observed() as telemetry, openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
            ask(client)
            assert telemetry.spans() == []
            otel_llm.enable()
            ask(client)
            assert telemetry.one().outcome == "success"
    finally:
        otel_llm.enable()
