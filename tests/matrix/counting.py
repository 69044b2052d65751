"""A pytest plugin: counts the passed tests of each SDK (mark ``sdk``) into the file that ``MATRIX_COUNTS`` names.

A test that is skipped, or an SDK whose rows were not found, is no proof: the matrix wants to know.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest

_sdks: dict[str, str] = {}
_passed: Counter[str] = Counter()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if (mark := item.get_closest_marker("sdk")) is not None:
            _sdks[item.nodeid] = mark.args[0]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed and report.nodeid in _sdks:
        _passed[_sdks[report.nodeid]] += 1


def pytest_sessionfinish() -> None:
    Path(os.environ["MATRIX_COUNTS"]).write_text(json.dumps(_passed))
