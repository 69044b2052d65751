"""Is the garbage collector at work in this thread? Then no lock may be taken: the code that it interrupted may hold it.

A dropped stream of openai 3.54 or anthropic 2.12 is found by the collector (the stream and its generator refer to each
other), which then runs the SDK's own ``finally: response.close()``, and so our tee, wherever an allocation happens:
inside of an OpenTelemetry lock, too.
"""

from __future__ import annotations

import gc
import threading
from typing import Any

_thread: int | None = None


def _note(phase: str, _: dict[str, Any]) -> None:
    global _thread
    _thread = threading.get_ident() if phase == "start" else None


def watch() -> None:
    """From now on :func:`collecting` can tell."""
    if _note not in gc.callbacks:
        gc.callbacks.append(_note)


def unwatch() -> None:
    """Leaves the collector alone again."""
    if _note in gc.callbacks:
        gc.callbacks.remove(_note)


def collecting() -> bool:
    """True inside a finaliser that the collector runs in this thread."""
    return _thread is not None and _thread == threading.get_ident()
