from __future__ import annotations

from collections.abc import Iterator

import anthropic
import openai
import pytest

from otel_llm.demo.emulator import Emulator, Price

PRICES = {"gpt-4o": Price(input=2.5, cache_read=1.25, output=10.0, reasoning=10.0)}


@pytest.fixture(scope="package")
def running() -> Iterator[Emulator]:
    with Emulator(prices=PRICES) as found:
        yield found


@pytest.fixture
def emulator(running: Emulator) -> Emulator:
    running.clear()
    return running


@pytest.fixture(scope="package")
def openai_client(running: Emulator) -> Iterator[openai.OpenAI]:
    """Made once: an SDK's client costs a tenth of a second."""
    with openai.OpenAI(base_url=running.url + "/v1", api_key="sk-demo", timeout=5) as client:
        yield client


@pytest.fixture(scope="package")
def anthropic_client(running: Emulator) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=running.url, api_key="sk-demo", timeout=5) as client:
        yield client
