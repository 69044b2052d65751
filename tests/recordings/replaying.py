"""The replay server that comes with the recordings."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType


def replay_module(shared: Path) -> ModuleType:
    """``replay.py`` of the recordings, which is no package."""
    spec = importlib.util.spec_from_file_location("replay", shared / "recordings" / "replay.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
