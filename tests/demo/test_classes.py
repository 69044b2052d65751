"""Each error that the emulator can answer, told by the library as the class that was injected."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import anthropic
import openai
import pytest

import otel_llm
from otel_llm import catalog
from otel_llm.demo.comparison import differences
from otel_llm.demo.emulator import Emulator, Reply
from otel_llm.demo.emulator.reply import STREAM_FAULTS
from otel_llm.demo.exposed import Exposed

ASK = [{"role": "user", "content": "hi"}]
FAULTS = [name for name in catalog.ERROR_CLASSES if name not in ("network", "unknown")]
STATUSES = [402, 403, 408, 413, 422, 429, 502, 503, 504]


@pytest.fixture
def observed(emulator: Emulator) -> Iterator[Emulator]:
    otel_llm.instrument(scrape="on", scrape_port=0)
    yield emulator
    otel_llm.uninstrument()


@pytest.fixture
def ask(openai_client, anthropic_client):
    gpt, claude = openai_client.with_options(max_retries=0), anthropic_client.with_options(max_retries=0)

    def call(api: str, *, stream: bool) -> None:
        with contextlib.suppress(openai.APIError, anthropic.APIError):
            if api == "chat":
                answer = gpt.chat.completions.create(model="m", messages=ASK, stream=stream)
            elif api == "responses":
                answer = gpt.responses.create(model="m", input="x", stream=stream)
            else:
                answer = claude.messages.create(model="m", max_tokens=1, messages=ASK, stream=stream)
            if stream:
                list(answer)

    return call


@pytest.mark.parametrize("fault", [*FAULTS, *STATUSES])
@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_an_answer_that_is_an_error(observed, ask, api, fault):
    observed.reply(Reply.error(fault))
    ask(api, stream=False)
    assert differences(observed.injected, Exposed.now()) == []


@pytest.mark.parametrize("fault", STREAM_FAULTS)
@pytest.mark.parametrize("api", ["chat", "responses", "messages"])
def test_an_error_in_the_middle_of_a_stream(observed, ask, api, fault):
    observed.reply(Reply.error(fault, after=2))
    ask(api, stream=True)
    assert differences(observed.injected, Exposed.now()) == []
    assert observed.injected.total(catalog.CALLS, error_class=fault) == 1
