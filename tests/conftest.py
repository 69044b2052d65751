"""Fixtures of all tests."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_llm.demo.emulator import Emulator
from tests.telemetry import Telemetry, observed

TESTS = Path(__file__).resolve().parent
REPOSITORY = TESTS.parent
PROCESSES = ("contract", "demo", "faults", "prefork")
"""Folders whose tests start processes and have them take turns in time: they run alone (``processes``)."""


def pytest_configure(config: pytest.Config) -> None:
    """No test speaks TLS to the world, and reading a bundle of certificates takes longer than most of them: clients of
    httpx and httpx2, ours and subprocesses', get an empty folder instead."""
    folder = tempfile.TemporaryDirectory(prefix="otel-llm-no-certificates-")
    config.add_cleanup(folder.cleanup)
    os.environ.pop("SSL_CERT_FILE", None)
    os.environ["SSL_CERT_DIR"] = folder.name
    # A shell that starts the tests in the background has them, and all that they start, ignore Ctrl-C.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(TESTS) and item.path.relative_to(TESTS).parts[0] in PROCESSES:
            item.add_marker("processes")


def pytest_collection_finish() -> None:
    """What was imported stays: each later collection of a test looks only at what tests made."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _left_to_the_collector() -> Iterator[None]:
    """A test that lets an SDK leave its sockets to the collector has them collected before the next test, whose
    warnings they would be. What is left then is what the test imported."""
    yield
    rules = (row for row in warnings.filters if issubclass(ResourceWarning, row[2]) and row[1] is row[3] is None)
    if next(rules, ("",))[0] == "ignore":
        gc.collect()
        gc.freeze()


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
