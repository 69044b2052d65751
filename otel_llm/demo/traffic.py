"""Ordinary traffic of an app, drawn from a seeded generator: what incidents are laid over."""

from __future__ import annotations

from random import Random
from typing import Final

from otel_llm.demo.emulator import Reply, Usage
from otel_llm.demo.job import Api, Job

_MIX: Final[tuple[tuple[int, Api, str, bool], ...]] = (
    (28, "chat", "gpt-5.1", True),
    (14, "chat", "gpt-5-mini", False),
    (10, "response", "gpt-5.1", True),
    (6, "response", "gpt-5-mini", False),
    (12, "embedding", "text-embedding-3-small", False),
    (20, "message", "claude-sonnet-5", True),
    (10, "message", "claude-sonnet-5", False),
)
"""Weight, API, model, stream."""
_TEXT: Final = "the quick answer is that a gauge shows what is and a counter shows what was so rates need two "


def job(random: Random) -> Job:
    """One good call."""
    _, api, model, stream = random.choices(_MIX, weights=[row[0] for row in _MIX])[0]
    return Job(api=api, model=model, stream=stream, prompt=prompt(random), replies=(answer(random, api),))


def prompt(random: Random) -> str:
    """A prompt that no other call has, so that no two calls are duplicates."""
    return f"Question {random.getrandbits(64):016x}: what does the dashboard say?"


def answer(random: Random, api: Api) -> Reply:
    """A good answer with plausible usage, in about a tenth of a second."""
    cached = random.choice((0, 0, 1024, 2048))
    usage = Usage(
        input=random.randint(80, 1800),
        cache_read=0 if api == "embedding" else cached,
        cache_write=cached // 2 if api == "message" else 0,
        output=random.randint(20, 400),
        reasoning=random.choice((0, 0, 120)) if api != "message" else 0,
    )
    text = _TEXT[: random.randint(20, len(_TEXT))].rstrip()
    wait = min(random.lognormvariate(-2.6, 0.5), 0.8)
    return Reply.chat(text, usage=usage, delay=wait / 2, first_delay=wait / 2, chunk_delay=wait / 20)
