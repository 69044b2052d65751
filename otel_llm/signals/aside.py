"""Steps of OpenTelemetry's aside of the app's own: the SDK (1.45) flushes spans and sends a last export for as long as
it takes."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Sequence
from math import inf
from queue import SimpleQueue
from typing import Any, Final

from otel_llm.guard import site

STAND_BY: Final = sys.version_info >= (3, 12)
"""Whether threads have to be there before the process ends, since Python starts none while it does."""


class Hands:
    """Threads that stand by for the end of the process, one for each step that it will have."""

    def __init__(self, count: int) -> None:
        self._steps: Final[SimpleQueue[Callable[[], None]]] = SimpleQueue()
        self._free = count if STAND_BY else 0
        for _ in range(self._free):
            threading.Thread(target=self._stand, name="otel-llm-exit", daemon=True).start()

    def _stand(self) -> None:
        self._steps.get()()

    def take(self, step: Callable[[], None]) -> bool:
        """Has one of them take the step; False if there is none."""
        if not self._free:
            return False
        self._free -= 1
        self._steps.put(step)
        return True

    def dismiss(self) -> None:
        """Lets go of those that have had nothing to do."""
        while self.take(lambda: None):
            pass


class Aside:
    """A step in a thread of its own."""

    def __init__(self, step: Callable[[], Any], patience: float = inf) -> None:
        """``patience``: seconds that it is waited for at most."""
        self._step: Final = step
        self.patience: Final = patience
        self.succeeded = False
        """False until the step has ended, and if it failed or returned False."""
        self._thread: Final = threading.Thread(target=self._run, name="otel-llm-flush", daemon=True)
        self._ended = threading.Event()

    def begin(self, hands: Hands) -> None:
        try:
            self._thread.start()
        except RuntimeError:  # the process ends
            if not hands.take(self._run):
                self._run()

    def wait(self, seconds: float) -> None:
        """Until it has ended, and so long at most."""
        if self._thread.ident is None:
            self._ended.wait(seconds)
        else:
            self._thread.join(seconds)

    def is_alive(self) -> bool:
        """True until it has ended."""
        return not self._ended.is_set()

    def _run(self) -> None:
        try:
            self.succeeded = self._step() is not False
        except Exception as error:
            site("pipeline.flush").note(error)
        finally:
            self._ended.set()


def bounded(steps: list[Aside], hands: Hands, timeout: float, begun: Sequence[Aside] = ()) -> bool:
    """Takes the steps side by side and waits ``timeout`` seconds at most, also for those that were begun before. False
    if a step did not end, failed, or returned False."""
    now = time.monotonic()
    for step in steps:
        step.begin(hands)
    for step in (*steps, *begun):
        step.wait(max(now + min(timeout, step.patience) - time.monotonic(), 0.0))
    return all(step.succeeded for step in steps) and not any(step.is_alive() for step in begun)
