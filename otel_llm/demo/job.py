"""One call that the demo makes: what the app asks, and what the provider does about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

from otel_llm.demo.emulator import Reply

Api = Literal["chat", "completion", "response", "embedding", "message"]
FEATURES: Final[Mapping[Api, str]] = {
    "chat": "assistant", "completion": "autocomplete", "response": "research", "embedding": "search",
    "message": "assistant",
}  # fmt: skip
"""What the demo's app attributes its calls to."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """A call with its replies, so that both sides are known before it starts."""

    api: Api
    model: str
    replies: tuple[Reply, ...] = (Reply(),)
    """One per attempt; the last one also answers every further attempt."""
    prompt: str
    stream: bool = False
    usage: bool = True
    """Streams of OpenAI: ask for usage at the end."""
    tools: tuple[str, ...] = ()
    """Names of the tools that are offered."""
    json: bool = False
    """Asks for an answer in JSON (chat, response, message)."""
    max_tokens: int = 1024
    retries: int = 2
    """Retries that the SDK may make."""
    timeout: float = 10.0
    """Seconds that the SDK waits for bytes."""
    leave_after: int | None = None
    """Streams: chunks after which the app loses interest and closes."""
    cancels: bool = False
    """The app cancels the call once the provider has it."""

    @property
    def asynchronous(self) -> bool | None:
        """Kind of client that the job is for, ``None`` for any. Only a task can be cancelled; and an async stream that
        is left early makes httpx2 2.16 print that a generator was already running."""
        return True if self.cancels else False if self.leave_after else None

    @property
    def fails(self) -> bool:
        """True if the app is to get an exception."""
        last = self.replies[min(self.retries, len(self.replies) - 1)]
        return last.fails is not None and last.outcome is None
