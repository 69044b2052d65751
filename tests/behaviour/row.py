"""What a client is in the behaviour matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

Do = Callable[[Any], Any]
"""Does one thing with a client, sync or async."""

PROMPT = "Say a word."
KEY = "sk-demo"
"""What every row says and what it authenticates with: ``tests.privacy`` puts secrets in their place, in whatever
constant of a row's module they stand."""
ASK: Any = [{"role": "user", "content": PROMPT}]


class Word(BaseModel):
    """What ``parse`` asks for."""

    word: str


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    sdk: str = ""
    """Import name, as ``rows.SDKS`` has it."""
    client: str
    """Value of ``otel_llm.client``."""
    provider: str = ""
    """Value of ``gen_ai.provider.name``; as the client where empty."""
    operation: str = "chat"
    model: str
    sync: Callable[[str], Any] | None = None
    """The client for an emulator's URL; it retries twice at most and waits 5 seconds at most."""
    asynchronous: Callable[[str], Any] | None = None
    plain: Do
    stream: Do | None = None
    """Returns an iterator of chunks with ``close()``; asks for usage where that has to be asked for."""
    helper: Do | None = None
    """Returns the context manager of ``.stream()``."""
    final: Do = lambda stream: None
    """The whole answer of what :attr:`helper` entered."""
    raw: Do | None = None
    streaming: Do | None = None
    """Returns the context manager of ``with_streaming_response``."""
    parse: Do | None = None
    leave: Do = lambda stream: stream.close()
    """Closes what :attr:`stream` returned."""
    retries: bool = True
    """Whether the client is set to retry."""
    gives_up: bool = True
    """Whether one that retries does so twice at most."""
    lazy: bool = False
    """Whether the sync client sends nothing before its stream is iterated."""
    async_lazy: bool = False
    """Whether the async client does so."""
    request_ids: bool = True
    """Whether the provider states an id of the exchange."""
    states_model: bool = True
    """Whether the answer names its model."""
    closes_on_drop: bool = True
    """Whether the SDK closes the socket of a stream that is dropped; else the collector complains of it."""
    async_lines: bool = False
    """Whether the async client reads line by line: one that leaves early has not read the end of the first event."""
    error_event: str = "rate_limit"
    """Class of a rate limit that is told in the middle of a stream, where some providers state words alone."""
    blocks: bool = False
    """Whether the async client reads its streams without letting the event loop go on: nothing can cancel it."""
    tokens: tuple[int | None, int | None] = (11, 7)
    """Usage of the emulator's answer, as the span shows it."""
    finish: tuple[str, ...] = ("stop",)
    early_tokens: tuple[int | None, int | None] = (None, None)
    """Usage that is stated before the first chunk of output."""

    @property
    def exhausts(self) -> bool:
        """Whether its retries can be exhausted."""
        return self.retries and self.gives_up


class Held:
    """An SDK's client with a ``close`` where it has none of its own, or another name for it."""

    def __init__(self, sdk: Any, close: Do = lambda sdk: None) -> None:
        self.sdk = sdk
        self._close = close

    def close(self) -> None:
        self._close(self.sdk)


class AsyncHeld(Held):
    async def close(self) -> None:  # type: ignore[override]
        done = self._close(self.sdk)
        if done is not None:
            await done


CHAT = {"model": "gpt-4o", "messages": ASK}
RESPONSE = {"model": "gpt-4o", "input": PROMPT}
MESSAGE = {"model": "claude-opus-4-8", "messages": ASK, "max_tokens": 64}
COMPLETION = {"model": "gpt-3.5-turbo-instruct", "prompt": PROMPT}
EMBED = {"model": "text-embedding-3-small", "input": PROMPT}
USAGE = {"stream": True, "stream_options": {"include_usage": True}}
