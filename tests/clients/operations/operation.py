"""What an operation is: how it is called, what the provider answers, and what the span must state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from typing import Any

from tests.clients.operations.answers import Answer

Make = Callable[[str], Any]
"""Makes a client for a base URL."""

ASK: Any = [{"role": "user", "content": "Say a word."}]


@dataclass(frozen=True, kw_only=True)
class Operation:
    sdk: str
    """Import name."""
    client: str
    """Value of ``otel_llm.client``."""
    name: str
    """As the README has it; a stream of it is its own row."""
    provider: str
    kind: str = "chat"
    """Value of ``gen_ai.operation.name``."""
    model: str = "m"
    sync: Make | None = None
    asynchronous: Make | None = None
    call: Callable[[Any], Any]
    """Calls it, written once for both clients: a stream's iterator, or anything else."""
    needs: str = ""
    """Attribute of the client, dotted, that old releases do not have."""
    answer: Answer
    stream: bool = False
    tokens: tuple[int | None, int | None] = (11, 7)
    """As the span states them."""
    finish: tuple[str, ...] = ("stop",)

    def there(self, client: Any) -> bool:
        for part in self.needs.split(".") if self.needs else ():
            if (client := getattr(client, part, None)) is None:
                return False
        return True


def lazily(module: str, name: str, **options: Any) -> Make:
    """``module.name(base_url=url, **options)``, imported when it is made, without the options that it has not yet."""

    def make(url: str) -> Any:
        kind = getattr(import_module(module), name)
        known = signature(kind).parameters
        return kind(base_url=url, **{option: value for option, value in options.items() if option in known})

    return make
