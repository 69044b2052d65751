"""Colours that red- and green-blind people tell apart: fixed ones, and Grafana's own as far as they go, then dashes."""

from __future__ import annotations

import re
from itertools import combinations
from typing import Any

import pytest

from otel_llm.pack import PackConfig
from otel_llm.pack import promql as q
from otel_llm.pack.boards import dashboards
from otel_llm.pack.boards.panel import DASHES, GREEN, GREY, ORANGE, RED, WEEK_AGO
from otel_llm.pack.boards.ranked import LEADING

Json = dict[str, Any]
Color = tuple[float, float, float]
SIMULATED: dict[str, tuple[Color, Color, Color]] = {
    "protanopia": ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    "deuteranopia": ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881)),
}
"""Linear RGB as it is seen; Machado, Oliveira and Fernandes 2009, severity 1."""
TO_XYZ = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
SEEN, BACKGROUNDS = 1.75, {"dark": "#181B1F", "light": "#FFFFFF"}
"""Least contrast (WCAG's ratio) of a thin line with a panel of each theme."""
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


CLASSIC = {
    "dark": ("#73BF69", "#F2CC0C", "#5794F2", "#FF9830", "#F2495C", "#B877D9"),
    "light": ("#56A64B", "#E0B400", "#3274D9", "#FF780A", "#E02F44", "#A352CC"),
}
"""The first of Grafana's classic palette: green, semi-dark yellow, blue, orange, red, purple."""
CLOSED = {q.ERROR_CLASS, q.TOKEN_TYPE, q.FINISH_REASON, q.REASON}
"""Labels whose values the catalogue knows: each has a fixed colour."""


def _fixed(panel: Json) -> dict[str, str]:
    """Colours by name, without the past: its grey lines are dashed besides."""
    return {override["matcher"]["options"]: one["value"]["fixedColor"]
            for override in panel["fieldConfig"]["overrides"] for one in override["properties"]
            if one["id"] == "color" and one["value"]["fixedColor"] != GREY}  # fmt: skip


def _dashed(panel: Json, matcher: str, options: str) -> bool:
    """Whether an override gives dashes to what it matches."""
    return any(
        {"id": "custom.lineStyle", "value": DASHES} in override["properties"]
        for override in panel["fieldConfig"]["overrides"]
        if override["matcher"]["id"] == matcher and re.fullmatch(options, override["matcher"]["options"])
    )


def contrast(first: str, second: str) -> float:
    """WCAG 2: from 1, not to be seen, to 21, black on white."""
    dark, light = sorted(sum(w * part for w, part in zip(TO_XYZ[1], _linear(text), strict=True))
                         for text in (first, second))  # fmt: skip
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", BACKGROUNDS)
@pytest.mark.parametrize("panel", PANELS)
def test_lines_are_seen(panel: Json, theme: str) -> None:
    """On dark and on light; stacked areas are as large as what they stand for."""
    if panel["fieldConfig"]["defaults"]["custom"]["stacking"]["mode"] == "none":
        for name, color in _fixed(panel).items():
            assert contrast(color, BACKGROUNDS[theme]) >= SEEN, name


@pytest.mark.parametrize("panel", PANELS)
def test_fixed_colours_are_told_apart(panel: Json) -> None:
    for (one, first), (other, second) in combinations(_fixed(panel).items(), 2):
        assert distance(first, second) >= APART, f"{one} and {other}"
    assert panel["options"]["tooltip"] == {"mode": "multi", "sort": "desc"}


def _palette_lines(panel: Json, target: Json) -> str:
    """How a query's lines of open names are told apart: ``leading``, ``dashed``, or not at all (empty)."""
    if _dashed(panel, "byFrameRefID", target["refId"]):
        return "dashed"
    return "leading" if f") topk({LEADING}, " in target["expr"] and " unless " not in target["expr"] else ""


@pytest.mark.parametrize("panel", PANELS)
def test_lines_of_open_names_are_told_apart(panel: Json) -> None:
    """The first query yields as many lines as Grafana's palette allows, the second one dashes; no third one.

    Then the colours of the first begin at the palette's first, and those of the dashed ones after them.
    """
    targets = [target for target in panel["targets"] if not target["legendFormat"].endswith(WEEK_AGO)]
    labels = {target["refId"]: set(re.findall(r"{{(\w+)}}", target["legendFormat"])) for target in targets}
    opened = [target for target in targets if labels[target["refId"]] and not labels[target["refId"]] <= CLOSED]
    if not opened:
        assert "palette" not in str(panel["fieldConfig"]) or _fixed(panel), "a colour for each name"
    elif _fixed(panel):  # the best known have a colour of their own, all others dashes
        assert _dashed(panel, "byRegexp", r"/\^\(\?!\(\?:.*\)\$\)/")
    else:
        assert [_palette_lines(panel, target) for target in opened] == ["leading", "dashed"]
        assert opened == targets[:2]
        assert opened[0]["expr"].rpartition(" topk(")[2] == opened[1]["expr"].rpartition(" topk(")[2]
        assert panel["options"]["legend"]["calcs"] == ["lastNotNull"]


@pytest.mark.parametrize("theme", CLASSIC)
@pytest.mark.parametrize("first", [0, LEADING])
def test_grafanas_own_colours_are_told_apart_so_far(theme: str, first: int) -> None:
    """By threes: the solid lines, and the dashed ones after them."""
    for one, other in combinations(CLASSIC[theme][first : first + LEADING], 2):
        assert distance(one, other) >= APART


def test_four_of_grafanas_own_colours_would_be_too_many() -> None:
    assert min(distance(one, other) for one, other in combinations(CLASSIC["light"][: LEADING + 1], 2)) < APART


def test_good_and_bad_are_told_apart() -> None:
    for first, second in combinations((GREEN, ORANGE, RED), 2):
        assert distance(first, second) >= APART


def test_the_measure_sees_what_is_alike() -> None:
    """Grafana's first green and its fifth red."""
    assert distance("#73BF69", "#F2495C") < APART < distance("#000000", "#FFFFFF")
    assert contrast("#F0E442", "#FFFFFF") < SEEN < contrast("#000000", "#FFFFFF") == pytest.approx(21)
