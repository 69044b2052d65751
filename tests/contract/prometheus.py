"""What the contract tests share: a real Prometheus that scrapes a session of the demo."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from otel_llm.demo.prometheus import installed
from otel_llm.demo.session import Options, Session


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
