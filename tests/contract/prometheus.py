"""What the contract tests share: a real Prometheus that scrapes a session of the demo."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from typing import TypeVar

import pytest
from rich.console import Console

from otel_llm.demo.prometheus import installed
from otel_llm.demo.session import Options, Session

PATIENCE = 60.0
"""Seconds that the slow parts of a slow machine may take."""
_PAUSE = 0.2
"""Seconds between two questions: asking costs Prometheus and us more than waiting does."""
T = TypeVar("T")


def awaited(ask: Callable[[], T], what: str, patience: float = PATIENCE) -> T:
    """The answer as soon as it is true; fails by the name of what was waited for."""
    deadline = time.monotonic() + patience
    while not (found := ask()):
        assert time.monotonic() < deadline, f"{what}: not after {patience:g} s"
        time.sleep(_PAUSE)
    return found


def program() -> str:
    """Path of ``prometheus``; fails the test without it, so that nothing goes unproven unseen."""
    found = installed()
    if found is None:
        pytest.fail("no `prometheus` on PATH: `make system` installs it")
    return found


def quiet(options: Options) -> Session:
    """A session that writes into memory; its own Prometheus is to be left out by the options."""
    return Session(options, Console(file=io.StringIO()))


def target(session: Session) -> str:
    """``host:port`` of the session's ``/metrics``, from where the session says that it is."""
    shown = session.console.file
    assert isinstance(shown, io.StringIO)
    found = re.search(r"http://([\d.:]+)/metrics", shown.getvalue())
    assert found is not None, shown.getvalue()
    return found[1]
