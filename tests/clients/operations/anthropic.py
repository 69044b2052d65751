"""anthropic."""

from __future__ import annotations

from typing import Any

from tests.clients.operations import answers
from tests.clients.operations.operation import ASK, Operation, lazily

ASKED: Any = {"model": "m", "messages": ASK, "max_tokens": 64}
OWN: Any = {
    "sdk": "anthropic", "client": "anthropic", "provider": "anthropic",
    "sync": lazily("anthropic", "Anthropic", api_key="k"),
    "asynchronous": lazily("anthropic", "AsyncAnthropic", api_key="k"),
}  # fmt: skip

OPERATIONS = (
    Operation(**OWN, name="messages", call=lambda c: c.messages.create(**ASKED), answer=answers.MESSAGE),
    Operation(
        **OWN, name="messages stream", call=lambda c: c.messages.create(**ASKED, stream=True),
        answer=answers.MESSAGE_STREAM, stream=True,
    ),
)  # fmt: skip
