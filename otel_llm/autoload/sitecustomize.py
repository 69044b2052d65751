"""Instruments a process from outside: ``otel-llm run`` puts this folder first on PYTHONPATH, and Python imports
``sitecustomize`` at start. Another ``sitecustomize`` further down the path still runs."""

import importlib.machinery
import importlib.util
import sys
from pathlib import Path


def _instrument() -> None:
    try:
        import otel_llm

        otel_llm.instrument()
    except Exception as error:  # the app must start, whatever is wrong with us
        sys.stderr.write(f"otel-llm: not instrumented: {error!r}\n")


def _next_sitecustomize() -> None:
    here = Path(__file__).resolve().parent
    path = [entry for entry in sys.path if Path(entry or ".").resolve() != here]
    spec = importlib.machinery.PathFinder.find_spec("sitecustomize", path)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(importlib.util.module_from_spec(spec))


_instrument()
_next_sitecustomize()
