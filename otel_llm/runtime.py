"""What ``instrument()`` set up, where the seams find it. ``None`` or disabled: every seam is a plain pass-through."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from otel_llm.content.capture import Capturer
    from otel_llm.settings import Settings
    from otel_llm.signals.recorder import Recorder


class Runtime:
    """Settings and signals of an instrumented process."""

    __slots__ = ("capturer", "enabled", "recorder", "settings")

    def __init__(self, settings: Settings, recorder: Recorder, capturer: Capturer | None = None) -> None:
        self.capturer = capturer
        """``None``: no content is captured."""
        self.settings = settings
        self.recorder = recorder
        self.enabled = True


_current: Runtime | None = None
_on = True


def current() -> Runtime | None:
    """The runtime if calls are to be observed now, else ``None``."""
    found = _current
    return found if _on and found is not None and found.enabled else None


def present() -> bool:
    """True between ``instrument()`` and ``uninstrument()``, the kill switch thrown or not."""
    return _current is not None


def disable() -> None:
    """The kill switch: from now on every call passes straight through, in this process, until :func:`enable`.

    It sets one flag: nothing is unpatched, exported or stopped, so that it is safe to use in the middle of an
    incident, from any thread or signal handler. Calls that are open are reported when they end. It outlasts
    ``uninstrument()`` and ``instrument()``. For the whole of a process's life, set ``OTEL_LLM_DISABLED=true``.
    """
    global _on
    _on = False


def enable() -> None:
    """Takes :func:`disable` back: calls that start from now on are observed, if the process is instrumented."""
    global _on
    _on = True


def install(made: Runtime | None) -> None:
    """Makes this the runtime that the seams see."""
    global _current
    _current = made
