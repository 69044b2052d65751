"""Fixtures of all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_llm.demo.emulator import Emulator
from tests.telemetry import Telemetry, observed

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def shared() -> Path:
    """The directory with the recordings, beside the repository or where ``OTEL_LLM_SHARED`` says.

    Where it is absent the test is skipped; under CI it fails, so that nothing goes unproven unseen.
    """
    path = Path(os.environ.get("OTEL_LLM_SHARED") or REPOSITORY.parent / "shared")
    if not path.is_dir():
        reason = f"no recordings: {path.name!r} is not beside the repository, and OTEL_LLM_SHARED names no directory"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture
def telemetry() -> Iterator[Telemetry]:
    """What ``instrument()`` tells about the test's calls; restored and checked for internal errors at the end."""
    with observed() as told:
        yield told


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as running:
        yield running
