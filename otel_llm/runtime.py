"""What ``instrument()`` set up, where the seams find it. ``None`` or disabled: every seam is a plain pass-through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_llm.settings import Settings
    from otel_llm.signals.recorder import Recorder


class Runtime:
    """Settings and signals of an instrumented process."""

    __slots__ = ("enabled", "recorder", "settings")

    def __init__(self, settings: Settings, recorder: Recorder) -> None:
        self.settings = settings
        self.recorder = recorder
        self.enabled = True


_current: Runtime | None = None


def current() -> Runtime | None:
    """The runtime if calls are to be observed now, else ``None``."""
    found = _current
    return found if found is not None and found.enabled else None


def install(made: Runtime | None) -> None:
    """Makes this the runtime that the seams see."""
    global _current
    _current = made
