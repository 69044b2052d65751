"""The scenario ``full``: a call for each thing that the emulator can do, so that every metric has something to show."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, Final

from otel_llm.demo import traffic
from otel_llm.demo.emulator import Limit, Reply, Tool, Usage
from otel_llm.demo.job import Api, Job
from otel_llm.demo.prices import INPUT_ONLY, UNPRICED

_MODELS: Final[dict[Api, str]] = {
    "chat": "gpt-5.1", "completion": "gpt-3.5-turbo-instruct", "response": "gpt-5-mini",
    "embedding": "text-embedding-3-small", "message": "claude-sonnet-5",
}  # fmt: skip
_STREAMED: Final[tuple[Api, ...]] = ("chat", "completion", "response", "message")
_EVERY_TYPE: Final = Usage(input=900, cache_read=2048, cache_write=512, output=150, reasoning=60)
_MORE_CACHED_THAN_SENT: Final = Usage(input=-5, cache_read=16, output=7)
_BROKEN_TOOL: Final = Tool("search", '{"query": ')


def jobs(random: Random) -> Iterator[Job]:
    """About 100 calls, each with a prompt of its own but for those that are to be duplicates."""
    for part in (_answers, _qualities, _money, _failures, _retries, _endings):
        yield _job(random, "chat", model=UNPRICED)  # spread out: a counter's first value is no increase
        yield from part(random)


def _job(random: Random, api: Api, *replies: Reply, **fields: Any) -> Job:
    fields.setdefault("prompt", traffic.prompt(random))
    fields.setdefault("model", _MODELS[api])
    return Job(api=api, replies=replies or (traffic.answer(random, api),), **fields)


def _answers(random: Random) -> Iterator[Job]:
    for api in _MODELS:
        yield _job(random, api)
    for api in _STREAMED:
        yield _job(random, api, stream=True)
        yield _job(random, api, Reply.chat("Many small chunks of text, one after the other.", gzip=True), stream=True)
    for api in ("chat", "response", "message"):
        for stream in (False, True):
            yield _job(random, api, Reply(usage=_EVERY_TYPE), stream=stream)
    low = {"requests": Limit(500, 4), "tokens": Limit(30_000, 900), "input_tokens": Limit(20_000, 500),
           "output_tokens": Limit(8_000, 4_000)}  # fmt: skip
    yield _job(random, "message", Reply(limits=low))
    yield _job(random, "chat", Reply(limits=low))


def _qualities(random: Random) -> Iterator[Job]:
    for api in ("chat", "response", "message"):
        for stream in (False, True):
            yield _job(random, api, Reply(text="not an object"), json=True, stream=stream)
        yield _job(random, api, Reply(text='{"answer": 42}'), json=True)
    for api in ("chat", "message"):
        yield _job(random, api, Reply(finish="length"), max_tokens=16)
        yield _job(random, api, Reply(finish="content_filter"))
        yield _job(random, api, Reply(text="I can't help with that.", refusal=True))
        yield _job(random, api, Reply(text=""))
        yield _job(random, api, Reply(tools=(Tool("search", '{"query": "x"}'),), finish="tool_call"), tools=("search",))
        yield _job(random, api, Reply(tools=(_BROKEN_TOOL,), finish="tool_call"), tools=("search",), stream=True)
        yield _job(random, api, Reply(tools=(Tool("delete"),), finish="tool_call"), tools=("search",))
    yield _job(random, "chat", Reply(model="gpt-5-mini"))
    same = traffic.prompt(random)
    for _ in range(3):
        yield _job(random, "message", Reply(usage=_EVERY_TYPE), prompt=same)


def _money(random: Random) -> Iterator[Job]:
    """Usage that is missing or of no use, and usage without a price."""
    yield _job(random, "chat", stream=True, usage=False)
    yield _job(random, "chat", Reply.raw("<html>a proxy's page</html>", content_type="text/html"))
    yield _job(random, "chat", Reply(usage=_MORE_CACHED_THAN_SENT))
    yield _job(random, "chat", model=INPUT_ONLY)
    yield _job(random, "chat", Reply(tier="scale"))
    billed = Reply.error("provider", bills=True, usage=Usage(input=700, output=90))
    yield _job(random, "chat", billed, traffic.answer(random, "chat"))
    yield _job(random, "chat", billed, retries=0)


def _failures(random: Random) -> Iterator[Job]:
    for fault in ("auth", "bad_request", "context_length", "not_found", "rate_limit", "quota", "provider"):
        for api in ("chat", "message"):
            yield _job(random, api, Reply.error(fault), retries=0)
    yield _job(random, "chat", Reply.error("content_filter"))
    yield _job(random, "message", Reply.error("overloaded"), retries=0)
    yield _job(random, "chat", Reply.error("timeout"), retries=0)
    for api in ("chat", "message"):
        yield _job(random, api, Reply.broken("stall"), retries=0, timeout=0.5)
        yield _job(random, api, Reply.broken("cut"), retries=0)
        yield _job(random, api, Reply.broken("cut", after=2), stream=True)
        yield _job(random, api, Reply.error("provider", after=2), stream=True)


def _retries(random: Random) -> Iterator[Job]:
    for fault in ("rate_limit", "provider"):
        for api in ("chat", "message", "embedding"):
            yield _job(random, api, Reply.error(fault), traffic.answer(random, api))
    yield _job(random, "message", Reply.error("overloaded"), Reply.error("provider"), traffic.answer(random, "message"))
    yield _job(random, "chat", Reply.error("rate_limit"))


def _endings(random: Random) -> Iterator[Job]:
    for api in ("chat", "message"):
        left = Reply.broken("stall", after=3, outcome="abandoned")
        yield _job(random, api, left, stream=True, leave_after=2)
        yield _job(random, api, Reply.broken("stall", outcome="cancelled"), retries=0, cancels=True)
