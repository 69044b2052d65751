"""What the fault campaign shares: the app's answer, and a bound on every wait."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest

from otel_llm import guard
from otel_llm.demo.emulator import Emulator
from tests.behaviour.rows import CHAT, USAGE
from tests.behaviour.scenarios import shown

LIMIT = 20.0
"""Seconds after which a fault is taken to have hung the app."""


class App:
    """An app that asks once plainly and once as a stream."""

    def __init__(self, emulator: Emulator) -> None:
        self._emulator = emulator
        self.client = openai.OpenAI(base_url=emulator.url + "/v1", api_key="k", max_retries=1)

    def run(self) -> Any:
        """What it sees. Ids of the emulator count up, so they are left out."""
        answer = self.client.chat.completions.create(**CHAT)
        chunks = list(self.client.chat.completions.create(**CHAT, **USAGE))
        return [self._said(answer), [self._said(chunk) for chunk in chunks]]

    def _said(self, value: Any) -> Any:
        kind, fields = shown(value)
        return kind, {key: item for key, item in fields.items() if key not in ("id", "created")}


@pytest.fixture
def app(emulator: Emulator) -> Iterator[App]:
    made = App(emulator)
    yield made
    made.client.close()


@pytest.fixture
def bare(app: App) -> Any:
    """What the app sees without us."""
    return app.run()


def bounded(work: Callable[[], Any], limit: float = LIMIT) -> Any:
    """The result of the work, which must come within ``limit`` seconds."""
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(work()), daemon=True)
    thread.start()
    thread.join(limit)
    assert not thread.is_alive(), f"the app hung for {limit} s"
    assert found, "the app got an exception (see above)"
    return found[0]


@pytest.fixture
def failed() -> Callable[[], dict[str, int]]:
    """Internal errors by site since the test began."""
    before = guard.failures()
    return lambda: {site: n - before.get(site, 0) for site, n in guard.failures().items() if n > before.get(site, 0)}
