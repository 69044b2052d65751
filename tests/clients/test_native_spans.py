"""Spans that SDKs make of themselves: suppressed by default, kept beside ours by one setting; never two counts."""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator
from tests.behaviour.row import ASK, MESSAGE
from tests.behaviour.rows import wanted
from tests.telemetry import Telemetry, observed

Ask = Callable[[str], Any]


def ask_mistral(url: str) -> Any:
    pytest.importorskip("mistralai", reason="mistralai is installed by the version matrix only")
    sdk: Any = importlib.import_module("mistralai.client")
    if not hasattr(sdk, "Mistral"):  # 1.x
        sdk = importlib.import_module("mistralai")
    with sdk.Mistral(api_key="k", server_url=url + "/mistral") as client:
        return client.chat.complete(model="mistral-small-latest", messages=ASK)


def ask_anthropic(url: str) -> Any:
    sdk = pytest.importorskip("anthropic", minversion="1.14")  # the first that traces itself
    with sdk.Anthropic(base_url=url, api_key="k") as client:
        return client.messages.create(**MESSAGE)


@pytest.fixture
def app_provider() -> Iterator[TracerProvider]:
    """The app's global provider, which is where the SDKs' own spans go."""
    provider = TracerProvider(shutdown_on_exit=False)
    with (
        mock.patch.object(trace, "get_tracer_provider", return_value=provider),
        mock.patch.dict(os.environ, {"MISTRAL_SDK_TELEMETRY": "global"}),
    ):
        yield provider


def scopes(telemetry: Telemetry) -> list[str]:
    return sorted(span.instrumentation_scope.name for span in telemetry.finished() if span.instrumentation_scope)


@pytest.mark.sdk("anthropic")
def test_uninstrument_gives_a_client_its_own_tracing_back(emulator: Emulator, app_provider: TracerProvider) -> None:
    sdk = pytest.importorskip("anthropic", minversion="1.14")
    native = InMemorySpanExporter()
    app_provider.add_span_processor(SimpleSpanProcessor(native))
    with sdk.Anthropic(base_url=emulator.url, api_key="k") as client:
        for silenced in range(2):
            with observed() as telemetry:
                client.messages.create(**MESSAGE)
                assert telemetry.one().outcome == "success"
            assert len(native.get_finished_spans()) == silenced
            client.messages.create(**MESSAGE)
            assert len(native.get_finished_spans()) == silenced + 1


@pytest.mark.parametrize(
    "ask",
    [
        pytest.param(ask, marks=pytest.mark.sdk(sdk))
        for ask, sdk in ((ask_anthropic, "anthropic"), (ask_mistral, "mistralai"))
        if wanted(sdk)
    ],
)
@pytest.mark.parametrize("native", ["suppress", "keep"])
def test_native_spans(ask: Ask, native: str, emulator: Emulator, app_provider: TracerProvider) -> None:
    with observed(native_spans=native) as telemetry:
        app_provider._active_span_processor = telemetry.provider._active_span_processor
        ask(emulator.url)
        found = scopes(telemetry)
        assert found.count(catalog.SCOPE) == 1
        assert (len(found) == 1) is (native == "suppress"), found
        assert telemetry.value(catalog.CALLS) == 1
