"""Where Python tells that workers are made, and that one ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Final

import wrapt

SPAWNS: Final = ("multiprocessing.popen_spawn_posix", "multiprocessing.popen_forkserver")
"""Modules that ``multiprocessing`` imports when it is about to start its first process without a plain fork."""
POOLS: Final = ("multiprocessing.util", "billiard.util")
"""Modules of ``multiprocessing`` and of celery's version of it, whose forked workers end without ``atexit``."""
LAST: Final = -1000
"""Exit priority: after the finalizers of the app."""

_watching = False


def watch(before: Callable[[], None], child: Callable[[], None]) -> None:
    """From now on calls ``before`` where siblings are about to be made, and ``child`` in every forked child. Once:
    Python has no way to take such a hook back."""
    global _watching
    if not _watching and hasattr(os, "register_at_fork"):
        _watching = True
        os.register_at_fork(before=before, after_in_child=child)

        def spawning(_: ModuleType) -> None:
            before()

        for module in SPAWNS:
            wrapt.register_post_import_hook(spawning, module)
    elif any(module in sys.modules for module in SPAWNS):
        before()


def at_worker_exit(leave: Callable[[], None]) -> None:
    """Calls ``leave`` at the end of a forked worker of ``multiprocessing`` or celery."""
    for name in POOLS:
        module = sys.modules.get(name)
        if module is not None:
            module.Finalize(None, leave, exitpriority=LAST)
