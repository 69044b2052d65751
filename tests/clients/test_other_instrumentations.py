"""Somebody else's instrumentation of the same SDK beside ours: the call has one span and one count."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator
from tests.behaviour.row import CHAT, USAGE
from tests.behaviour.rows import installed, wanted
from tests.telemetry import Telemetry

THEIRS = ("opentelemetry.instrumentation.openai_v2", "opentelemetry.instrumentation.genai.openai")
"""Module of each, which has an ``OpenAIInstrumentor``. The version matrix installs them."""

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(
    params=[pytest.param(name, marks=pytest.mark.sdk(name)) for name in THEIRS if installed(name) and wanted(name)]
)
def theirs(request: pytest.FixtureRequest, telemetry: Telemetry) -> Iterator[str]:
    instrumentor: Any = importlib.import_module(request.param).OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=telemetry.provider)
    yield request.param
    instrumentor.uninstrument()


@pytest.mark.parametrize("stream", [False, True])
def test_one_span_and_one_count_at_most(stream: bool, theirs: str, emulator: Emulator, telemetry: Telemetry) -> None:
    openai = pytest.importorskip("openai")
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        answer = client.chat.completions.create(**CHAT, **(USAGE if stream else {}))
        if stream:
            list(answer)
    spans = [span.name for span in telemetry.finished()]
    assert len(spans) == 1, spans
    assert telemetry.value(catalog.CALLS) <= 1
