"""Dashboards survive a round trip through Grafana's own schema (grafana-foundation-sdk): a key that is lost is a typo.

The package is large and of no other use here: the development environment has one version of it, and without that the
test fails in CI. Each version is of another Grafana, and two of them cannot be imported by one process: the others are
installed apart and asked by a process of their own (``make test-slow``).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from otel_llm.pack import PackConfig
from otel_llm.pack.boards import dashboards
from otel_llm.pack.grafana import managed_rules

SDK = "grafana-foundation-sdk"
VERSIONS = {"10.4": "1769699796!10.4.0", "0.0.21": "0.0.21"}
"""Grafana -> version of the SDK besides 11.6; its newest *number* on PyPI is its oldest schema."""
NOT_IN_THE_SDK = (
    # Grafana exports and reads these; the SDK's structs for annotations and variables lack them.
    r"\.annotations\.list\[\d+\]\.(target\.\w+|titleFormat|textFormat|tagKeys|step)",
    r"\.templating\.list\[\d+\]\.definition",
)
AGAIN = """
import json, sys
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
register_default_plugins()
boards = json.load(sys.stdin)
print(json.dumps({key: json.loads(JSONEncoder().encode(Dashboard.from_json(board))) for key, board in boards.items()}))
"""
RULES_AGAIN = """
import json, sys
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.alerting import Rule
register_default_plugins()
print(json.dumps([json.loads(JSONEncoder().encode(Rule.from_json(rule))) for rule in json.load(sys.stdin)]))
"""
NEWER_IN_RULES = ("keepFiringFor",)
"""What Grafana 11.6, which the SDK of the development environment is of, does not know yet."""
BOARDS = dashboards(PackConfig())


def _lost(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    if isinstance(ours, dict):
        for key, value in ours.items():
            if not isinstance(theirs, dict) or key not in theirs:
                if value not in (None, [], {}, "", False):
                    yield f"{path}.{key}"
            else:
                yield from _lost(value, theirs[key], f"{path}.{key}")
    elif isinstance(ours, list):
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from _lost(mine, other, f"{path}[{index}]")


def _given_back(program: str, content: object, *path: Path) -> Any:
    """What the SDK on the path, or in this environment, makes of it."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path))}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], input=json.dumps(content), env=env,
                          capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _lost_by(*path: Path) -> list[str]:
    """Keys that the SDK does not give back."""
    again = _given_back(AGAIN, BOARDS, *path)
    return [f"{key}{path}" for key, board in BOARDS.items() for path in _lost(board, again[key])
            if not any(re.fullmatch(known, path) for known in NOT_IN_THE_SDK)]  # fmt: skip


@pytest.fixture
def sdk() -> None:
    if find_spec("grafana_foundation_sdk") is None:
        assert not os.environ.get("CI"), f"{SDK} is a development dependency: pip install -e '.[dev]'"
        pytest.skip(f"{SDK} is not here")


@pytest.mark.usefixtures("sdk")
def test_no_key_is_lost() -> None:
    assert _lost_by() == []


@pytest.mark.usefixtures("sdk")
def test_no_key_of_grafana_managed_rules_is_lost() -> None:
    """As the file has them; a group's name and folder stand above its rules there."""
    groups = managed_rules(PackConfig())["groups"]
    ours = [{**rule, "orgID": 1, "ruleGroup": group["name"], "folderUID": group["folder"]}
            for group in groups for rule in group["rules"]]  # fmt: skip
    lost = {key for mine, other in zip(ours, _given_back(RULES_AGAIN, ours), strict=True) for key in _lost(mine, other)}
    assert lost == {f".{key}" for key in NEWER_IN_RULES}


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS.values(), ids=VERSIONS)
def test_no_key_is_lost_by_other_versions(version: str, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target",
                    str(tmp_path), f"{SDK}=={version}"], check=True)  # fmt: skip
    assert _lost_by(tmp_path) == []


def test_a_lost_key_is_noticed() -> None:
    assert list(_lost({"a": [{"b": 1, "typo": 2}]}, {"a": [{"b": 1}]})) == [".a[0].typo"]
