"""Frameworks on top of the SDKs: one call of theirs is one call of ours, and its span is under the app's own.

Each needs its package, which the version matrix installs (``python -m tests.matrix langchain_openai``).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pydantic import BaseModel

from otel_llm import catalog
from otel_llm.demo.emulator import Emulator, Reply
from tests.telemetry import Telemetry

# Frameworks keep their HTTP clients, and leave their sockets to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

QUESTION = "Say a word."
ANSWER = "Hello from the emulator."


class Word(BaseModel):
    word: str


def need(module: str) -> Any:
    return pytest.importorskip(module, reason=f"{module} is installed by the version matrix only")


@contextmanager
def one_call(telemetry: Telemetry, *, client: str = "openai", streamed: bool = False) -> Iterator[None]:
    """What runs inside makes one call, under the span that is current there."""
    with telemetry.provider.get_tracer("app").start_as_current_span("app") as app:
        yield
    span = telemetry.one()
    assert span[catalog.SPAN_CLIENT] == client
    assert (span.outcome, span.statuses) == ("success", [200])
    assert bool(span.get(catalog.REQUEST_STREAM)) is streamed
    assert telemetry.value(catalog.CALLS) == 1
    assert span.span.context.trace_id == app.get_span_context().trace_id
    by_id = {found.context.span_id: found for found in telemetry.finished()}
    above = span.span.parent
    while above is not None and above.span_id != app.get_span_context().span_id:
        above = by_id[above.span_id].parent  # spans of the framework's own may stand between
    assert above is not None


@pytest.mark.sdk("langchain_openai")
def test_langchain_openai(emulator: Emulator, telemetry: Telemetry) -> None:
    chat = need("langchain_openai").ChatOpenAI(model="gpt-4o", base_url=emulator.url + "/v1", api_key="k")
    with one_call(telemetry):
        assert chat.invoke(QUESTION).content == ANSWER


@pytest.mark.sdk("langchain_openai")
def test_langchain_openai_stream(emulator: Emulator, telemetry: Telemetry) -> None:
    chat = need("langchain_openai").ChatOpenAI(model="gpt-4o", base_url=emulator.url + "/v1", api_key="k")
    with one_call(telemetry, streamed=True):
        assert "".join(chunk.content for chunk in chat.stream(QUESTION)) == ANSWER


@pytest.mark.sdk("langchain_openai")
async def test_langchain_openai_async(emulator: Emulator, telemetry: Telemetry) -> None:
    chat = need("langchain_openai").ChatOpenAI(model="gpt-4o", base_url=emulator.url + "/v1", api_key="k")
    with one_call(telemetry):
        assert (await chat.ainvoke(QUESTION)).content == ANSWER


@pytest.mark.sdk("langchain_anthropic")
def test_langchain_anthropic(emulator: Emulator, telemetry: Telemetry) -> None:
    made = need("langchain_anthropic").ChatAnthropic
    chat = made(model="claude-opus-4-8", base_url=emulator.url, api_key="k", max_tokens=64)
    with one_call(telemetry, client="anthropic"):
        assert chat.invoke(QUESTION).content == ANSWER


@pytest.mark.sdk("langchain_anthropic")
def test_langchain_anthropic_stream(emulator: Emulator, telemetry: Telemetry) -> None:
    made = need("langchain_anthropic").ChatAnthropic
    chat = made(model="claude-opus-4-8", base_url=emulator.url, api_key="k", max_tokens=64)
    with one_call(telemetry, client="anthropic", streamed=True):
        assert "".join(chunk.text for chunk in chat.stream(QUESTION)) == ANSWER


@pytest.mark.sdk("langchain_anthropic")
async def test_langchain_anthropic_async(emulator: Emulator, telemetry: Telemetry) -> None:
    made = need("langchain_anthropic").ChatAnthropic
    chat = made(model="claude-opus-4-8", base_url=emulator.url, api_key="k", max_tokens=64)
    with one_call(telemetry, client="anthropic"):
        assert (await chat.ainvoke(QUESTION)).content == ANSWER


@pytest.mark.sdk("llama_index")
def test_llama_index(emulator: Emulator, telemetry: Telemetry) -> None:
    llm = need("llama_index.llms.openai").OpenAI(model="gpt-4o", api_base=emulator.url + "/v1", api_key="k")
    with one_call(telemetry):
        assert llm.complete(QUESTION).text == ANSWER


@pytest.mark.sdk("llama_index")
def test_llama_index_stream(emulator: Emulator, telemetry: Telemetry) -> None:
    llm = need("llama_index.llms.openai").OpenAI(model="gpt-4o", api_base=emulator.url + "/v1", api_key="k")
    with one_call(telemetry, streamed=True):
        assert [part.text for part in llm.stream_complete(QUESTION)][-1] == ANSWER


@pytest.mark.sdk("llama_index")
async def test_llama_index_async(emulator: Emulator, telemetry: Telemetry) -> None:
    llm = need("llama_index.llms.openai").OpenAI(model="gpt-4o", api_base=emulator.url + "/v1", api_key="k")
    with one_call(telemetry):
        assert (await llm.acomplete(QUESTION)).text == ANSWER


@pytest.mark.sdk("pydantic_ai")
async def test_pydantic_ai(emulator: Emulator, telemetry: Telemetry) -> None:
    agent = need("pydantic_ai").Agent
    model = need("pydantic_ai.models.openai").OpenAIChatModel
    provider = need("pydantic_ai.providers.openai").OpenAIProvider
    async with need("openai").AsyncOpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        made = agent(model("gpt-4o", provider=provider(openai_client=client)))
        with one_call(telemetry):
            assert (await made.run(QUESTION)).output == ANSWER


@pytest.mark.sdk("pydantic_ai")
async def test_pydantic_ai_stream(emulator: Emulator, telemetry: Telemetry) -> None:
    agent = need("pydantic_ai").Agent
    model = need("pydantic_ai.models.openai").OpenAIChatModel
    provider = need("pydantic_ai.providers.openai").OpenAIProvider
    async with need("openai").AsyncOpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        made = agent(model("gpt-4o", provider=provider(openai_client=client)))
        with one_call(telemetry, streamed=True):
            async with made.run_stream(QUESTION) as answer:
                assert await answer.get_output() == ANSWER


@pytest.mark.sdk("pydantic_ai")
async def test_pydantic_ai_anthropic(emulator: Emulator, telemetry: Telemetry) -> None:
    agent = need("pydantic_ai").Agent
    model = need("pydantic_ai.models.anthropic").AnthropicModel
    provider = need("pydantic_ai.providers.anthropic").AnthropicProvider
    async with need("anthropic").AsyncAnthropic(base_url=emulator.url, api_key="k") as client:
        made = agent(model("claude-opus-4-8", provider=provider(anthropic_client=client)))
        with one_call(telemetry, client="anthropic", streamed=True):  # it streams by itself, for long answers
            assert (await made.run(QUESTION)).output == ANSWER


@pytest.mark.sdk("agents")
@pytest.mark.parametrize("api", ["OpenAIChatCompletionsModel", "OpenAIResponsesModel"])
async def test_openai_agents(api: str, emulator: Emulator, telemetry: Telemetry) -> None:
    agents, openai = need("agents"), need("openai")
    agents.set_tracing_disabled(True)
    async with openai.AsyncOpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        model = getattr(agents, api)(model="gpt-4o", openai_client=client)
        agent = agents.Agent(name="a", instructions="Be short.", model=model)
        with one_call(telemetry):
            assert (await agents.Runner.run(agent, QUESTION)).final_output == ANSWER


@pytest.mark.sdk("agents")
@pytest.mark.parametrize("api", ["OpenAIChatCompletionsModel", "OpenAIResponsesModel"])
async def test_openai_agents_stream(api: str, emulator: Emulator, telemetry: Telemetry) -> None:
    agents, openai = need("agents"), need("openai")
    agents.set_tracing_disabled(True)
    async with openai.AsyncOpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        model = getattr(agents, api)(model="gpt-4o", openai_client=client)
        agent = agents.Agent(name="a", instructions="Be short.", model=model)
        with one_call(telemetry, streamed=True):
            running = agents.Runner.run_streamed(agent, QUESTION)
            async for _ in running.stream_events():
                pass
            assert running.final_output == ANSWER


@pytest.mark.sdk("instructor")
async def test_instructor_async_stream(emulator: Emulator, telemetry: Telemetry) -> None:
    instructor, openai = need("instructor"), need("openai")
    emulator.reply(Reply.chat('{"word": "hello"}'))
    async with openai.AsyncOpenAI(base_url=emulator.url + "/v1", api_key="k") as client:
        patched = instructor.from_openai(client, mode=instructor.Mode.JSON)
        asked = [{"role": "user", "content": QUESTION}]
        with one_call(telemetry, streamed=True):
            parts = patched.chat.completions.create_partial(model="gpt-4o", response_model=Word, messages=asked)
            assert [part.word async for part in parts][-1] == "hello"


@pytest.mark.sdk("instructor")
def test_instructor(emulator: Emulator, telemetry: Telemetry) -> None:
    instructor, openai = need("instructor"), need("openai")
    emulator.reply(Reply.chat('{"word": "hello"}'))
    with openai.OpenAI(base_url=emulator.url + "/v1", api_key="k") as client, one_call(telemetry):
        patched = instructor.from_openai(client, mode=instructor.Mode.JSON)
        asked = [{"role": "user", "content": QUESTION}]
        found = patched.chat.completions.create(model="gpt-4o", response_model=Word, messages=asked)
        assert found.word == "hello"
