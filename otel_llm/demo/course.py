"""Which jobs, when: scenarios over the time that the demo has."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

import msgspec

from otel_llm.demo import showcase
from otel_llm.demo.job import Job
from otel_llm.demo.scenarios import COURSE, SCENARIOS

NAMES: Final = ("all", "full", *SCENARIOS)
"""Scenarios that can be asked for. ``full``: calls of each kind, round after round. ``all``: one such round, then
every scenario in a row."""


class Phase(msgspec.Struct, frozen=True):
    """A scenario and its time, in seconds from the start."""

    name: str
    help: str
    start: float
    end: float


class Course:
    """An iterator of jobs that ends when its time is up."""

    def __init__(
        self, scenario: str, duration: float, seed: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """``duration`` is in seconds. Raises ``ValueError`` for an unknown scenario."""
        if scenario not in NAMES:
            raise ValueError(f"demo: unknown scenario {scenario!r}; the scenarios are {', '.join(NAMES)}")
        self.phases = _phases(scenario, duration)
        self.duration = duration
        self._full = scenario in ("all", "full")
        self._seed = seed
        self._clock = clock
        self._started = clock()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return self._clock() - self._started

    @property
    def phase(self) -> Phase:
        """The phase at this time; the last one when time is up."""
        elapsed = self.elapsed
        return next((phase for phase in self.phases if elapsed < phase.end), self.phases[-1])

    def _showcase(self) -> Iterator[Job]:
        """Whole rounds: one, and for the scenario ``full`` as many as begin in time."""
        random = Random(f"{self._seed} full")
        yield from showcase.jobs(random)
        while self.phases[0].name == "full" and self.elapsed < self.duration:
            yield from showcase.jobs(random)

    def jobs(self) -> Iterator[Job]:
        """Jobs of the phase at the time of asking. The same seed gives each phase the same jobs."""
        self._started = self._clock()
        if self._full:
            yield from self._showcase()
        for number, phase in enumerate(self.phases):
            if phase.name not in SCENARIOS:
                continue
            random = Random(f"{self._seed} {number} {phase.name}")
            for job in SCENARIOS[phase.name].jobs(random):
                if self.elapsed >= phase.end:
                    break
                yield job


def _phases(scenario: str, duration: float) -> list[Phase]:
    if scenario == "full":
        return [Phase("full", "a call of each kind", 0.0, duration)]
    parts = COURSE if scenario == "all" else ((scenario, 1.0),)
    found: list[Phase] = []
    start = 0.0
    for name, share in parts:
        end = start + share * duration
        found.append(Phase(name, SCENARIOS[name].help, start, end))
        start = end
    return found
