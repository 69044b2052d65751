"""Dashboards survive a round trip through Grafana's own schema (grafana-foundation-sdk): a key that is lost is a typo.

The package is large and of no other use here, so the test runs where it is installed:
``pip install 'grafana-foundation-sdk==1769699379!11.6.0'`` (its newest *number* on PyPI is its oldest schema).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from otel_llm.pack import PackConfig
from otel_llm.pack.boards import dashboards

NOT_IN_THE_SDK = (
    # Grafana exports and reads these; the SDK's structs for annotations and variables lack them.
    r"\.annotations\.list\[\d+\]\.(target\.\w+|titleFormat|textFormat|step)",
    r"\.templating\.list\[\d+\]\.definition",
)


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


@pytest.mark.parametrize("board", dashboards(PackConfig()).values(), ids=lambda board: board["uid"])
def test_no_key_is_lost(board: dict[str, Any]) -> None:
    models = pytest.importorskip("grafana_foundation_sdk.models.dashboard", reason="grafana-foundation-sdk is not here")
    from grafana_foundation_sdk.cog.encoder import JSONEncoder
    from grafana_foundation_sdk.cog.plugins import register_default_plugins

    register_default_plugins()
    again = json.loads(JSONEncoder().encode(models.Dashboard.from_json(json.loads(json.dumps(board)))))
    lost = [path for path in _lost(board, again) if not any(re.fullmatch(one, path) for one in NOT_IN_THE_SDK)]
    assert lost == []
