"""Writes what the alerts say at the end of their stories, as promtool renders it, to be read before it is checked in.

``python -m tests.pack.rendered``, after a change of an alert's text, of its links, or of a story.
"""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from otel_llm.pack.alerts.alert import Alert
from tests.pack.cases import CASES
from tests.pack.promtool import ALERTS, RENDERED, Texts, annotated, run

_GOT = re.compile(r"got:\[.*?Annotations:(\{.*\})$", re.DOTALL | re.MULTILINE)
_TEXT = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*")')


def said(alert: Alert, folder: Path) -> dict[str, Texts]:
    """By story. Promtool tells what it got only where it is not what was expected: nothing is expected."""
    found: dict[str, Texts] = {}
    for number, case in enumerate(case for case in CASES[alert.key] if case.fires):
        done = run(alert, [case], annotated(alert), folder / str(number))
        (got,) = _GOT.findall(done.stdout + done.stderr)
        found[case.name] = {name: json.loads(text) for name, text in _TEXT.findall(got)}
    return found


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as made:
        every = {key: said(alert, Path(made) / key) for key, alert in ALERTS.items()}
    RENDERED.write_text(json.dumps(every, indent=2, ensure_ascii=False) + "\n")
