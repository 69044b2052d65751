"""Colours that red- and green-blind people tell apart, and another way to a line where the colours are Grafana's."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest

from otel_llm.pack import PackConfig
from otel_llm.pack.boards import dashboards
from otel_llm.pack.boards.panel import GREEN, GREY, ORANGE, RED

Json = dict[str, Any]
Color = tuple[float, float, float]
SIMULATED: dict[str, tuple[Color, Color, Color]] = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
}
"""Linear RGB as it is seen; Machado, Oliveira and Fernandes 2009, severity 1."""
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
APART = 12
"""Least distance in CIE 1976 L*a*b*; Grafana's own palette has pairs at 8."""
PANELS = [pytest.param(panel, id=f"{key}-{panel['title']}") for key, board in dashboards(PackConfig()).items()
          for panel in board["panels"] if panel["type"] == "timeseries"]  # fmt: skip


def _times(matrix: tuple[Color, Color, Color], color: Color) -> Color:
    first, second, third = (sum(weight * part for weight, part in zip(row, color, strict=True)) for row in matrix)
    return first, second, third


def _linear(text: str) -> Color:
    parts = [int(text[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return red, green, blue


def _lab(color: Color) -> Color:
    white = (0.9505, 1.0, 1.089)
    scaled = (max(part, 0) / whole for part, whole in zip(_times(TO_XYZ, color), white, strict=True))
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in scaled)
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def distance(first: str, second: str) -> float:
    """Of two colours to whoever tells them apart worst."""
    found: list[float] = []
    for matrix in SIMULATED.values():
        seen = [_lab(_times(matrix, _linear(text))) for text in (first, second)]
        found.append(sum((one - other) ** 2 for one, other in zip(*seen, strict=True)) ** 0.5)
    return min(found)


def _fixed(panel: Json) -> dict[str, str]:
    return {override["matcher"]["options"]: one["value"]["fixedColor"]
            for override in panel["fieldConfig"]["overrides"] for one in override["properties"]
            if one["id"] == "color"}  # fmt: skip


@pytest.mark.parametrize("panel", PANELS)
def test_lines_are_told_apart(panel: Json) -> None:
    """By fixed colours; or by the value in the legend where names are open and Grafana hands out the colours."""
    fixed = _fixed(panel)
    colors = {name: color for name, color in fixed.items() if color != GREY}  # grey is dashed besides
    for (one, first), (other, second) in combinations(colors.items(), 2):
        assert distance(first, second) >= APART, f"{one} and {other}"
    assert panel["options"]["tooltip"] == {"mode": "multi", "sort": "desc"}
    if not colors and any("{{" in target["legendFormat"] for target in panel["targets"]):
        assert panel["options"]["legend"]["calcs"] == ["lastNotNull"]


def test_good_and_bad_are_told_apart() -> None:
    for first, second in combinations((GREEN, ORANGE, RED), 2):
        assert distance(first, second) >= APART


def test_the_measure_sees_what_is_alike() -> None:
    """Grafana's first green and its fifth red."""
    assert distance("#73BF69", "#F2495C") < APART < distance("#000000", "#FFFFFF")
