"""Programs in a process of their own that make processes by themselves, and tell what they saw."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from tests.prefork.server import REPOSITORY, environment

PRELUDE = """
import json, multiprocessing, os, signal, sys, time
from pathlib import Path
import otel_llm
from otel_llm import catalog
from tests.prefork.app import call, generate_latest, REGISTRY, setup
from tests.prefork.scrapes import Figures
from tests.telemetry import until

def scraped():
    return Figures(generate_latest(REGISTRY).decode())

def home():
    from otel_llm.prefork import family, processes
    return family.home() / str(processes.process(os.getpid()))

def work(times):
    for _ in range(times):
        call()

def fork(task):
    pid = os.fork()
    if not pid:
        try:
            task()
        finally:
            os._exit(0)
    return pid

def instrumented():
    setup(scrape_port=0)

def tell(**facts):
    print(json.dumps(facts))
"""


def told(tmp_path: Path, source: str, *, code: int = 0, **env: str) -> dict[str, Any]:
    """What the program printed last; it runs from a file, as ``spawn`` needs it, and may not complain."""
    path = tmp_path / "program.py"
    path.write_text(PRELUDE + textwrap.dedent(source))
    done = subprocess.run(
        [sys.executable, str(path)], env=environment(PREFORK_APP="", **env), cwd=REPOSITORY,
        capture_output=True, text=True, timeout=90,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (code, "")
    return json.loads(done.stdout.splitlines()[-1])
