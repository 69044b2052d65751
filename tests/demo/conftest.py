from __future__ import annotations

from collections.abc import Iterator

import anthropic
import openai
import pytest

from otel_llm.demo.emulator import Emulator, Price

PRICES = {"gpt-4o": Price(input=2.5, cache_read=1.25, output=10.0, reasoning=10.0)}


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(prices=PRICES) as running:
        yield running


@pytest.fixture
def openai_client(emulator: Emulator) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="sk-demo", timeout=5) as client:
        yield client


@pytest.fixture
def anthropic_client(emulator: Emulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=emulator.url, api_key="sk-demo", timeout=5) as client:
        yield client
