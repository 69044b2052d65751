"""How much of our code a call and a chunk run through: executed bytecodes, which no load of the machine changes.

The shares are of the bare SDK's bytecodes in the same run. They are no times (``tests.bench.overhead`` measures those,
where what C code does counts, too): they show that nothing was added to the call's path unseen.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

import otel_llm
from tests.bench.overhead import jobs

PACKAGE = str(Path(otel_llm.__file__).parent) + os.sep
WARM = 20
"""Calls before the one that is counted: series, caches and the SDK's own are made."""
LIMITS = {"openai call": 0.075, "openai chunk": 0.035, "anthropic call": 0.13, "anthropic chunk": 0.23}


@contextmanager
def counted() -> Iterator[list[int]]:
    """Counts the bytecodes that this thread runs: of others, and ours."""
    counts, before = [0, 0], sys.gettrace()

    def entered(frame: FrameType, event: str, arg: Any) -> Callable[..., Any]:
        ours = frame.f_code.co_filename.startswith(PACKAGE)
        frame.f_trace_opcodes, frame.f_trace_lines = True, False

        def ran(frame: FrameType, event: str, arg: Any) -> Callable[..., Any]:
            counts[ours] += event == "opcode"
            return ran

        return ran

    sys.settrace(entered)
    try:
        yield counts
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("name", LIMITS)
def test_share_of_bytecodes(name: str) -> None:
    job, _ = jobs()[name]
    for _ in range(WARM):
        job()
    with counted() as bare:
        job()
    otel_llm.instrument(scrape="off")
    try:
        for _ in range(WARM):
            job()
        with counted() as watched:
            job()
    finally:
        otel_llm.uninstrument()
    assert bare[1] == 0
    assert watched[1] > 0
    print(f"{name}: {watched[1] / bare[0]:.1%}")
    assert watched[1] / bare[0] < LIMITS[name], f"{watched[1]} bytecodes of ours, {bare[0]} of the bare SDK"
