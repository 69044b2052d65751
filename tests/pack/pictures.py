"""Pictures of the dashboards, for the README and the runbooks, from made-up metrics.

``make pictures`` draws those that are checked in; ``--all DIR`` draws every dashboard in every scenario and theme, to
be looked at. Drawn by grafana-preview, a Node program beside the repository or where ``GRAFANA_PREVIEW`` says.
The manifest holds each picture's dashboard as a hash, so that a picture that is no longer true is noticed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from otel_llm.pack import PackConfig, records
from otel_llm.pack.boards import dashboards
from otel_llm.pack.documents import yaml_text
from otel_llm.pack.export import KEPT
from otel_llm.pack.rules import recording_groups
from tests.pack import recorded
from tests.pack.prometheus import Prometheus, backfill, import_openmetrics, serve
from tests.pack.synthetic import DAY, HOUR, WEEK, metrics, times

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "dashboards" / KEPT[0]
MANIFEST = "manifest.json"
PREVIEW = Path(os.environ.get("GRAFANA_PREVIEW", ROOT.parent / "shared" / "grafana-preview"))
SCENARIOS, THEMES = ("normal", "incident", "empty"), ("dark", "light")
SPANS = {"overview": "3h", "cost": "6h", "errors": "2h", "latency": "3h", "tokens": "3h", "slo": "7d"}
"""What each dashboard is drawn over. Traces need Tempo, and have no picture."""
DENSE = 7 * HOUR
AHEAD = 2100
"""Seconds by which the metrics run ahead of the clock, so that the last picture still has a present: the outage, which
ends 1200 seconds before they do, began a quarter of an hour ago and lasts another one."""
READ = (records.BUDGET, records.TOKENS_PER_CALL, records.SPEND_1D)
"""Recorded names that panels read, besides those of the SLO."""


@dataclass(frozen=True)
class Picture:
    """One picture."""

    board: str
    scenario: str = "incident"
    theme: str = "dark"

    def __str__(self) -> str:
        return f"{self.board}-{self.scenario}-{self.theme}"

    @property
    def name(self) -> str:
        """Of the file: the incident in the dark is the main one."""
        more = "" if (self.scenario, self.theme) == ("incident", "dark") else f"-{self.scenario}-{self.theme}"
        return f"otel-llm-{self.board}{more}.png"


CHECKED_IN = (
    *map(Picture, SPANS), Picture("overview", "normal", "light"), Picture("overview", "empty"),
    Picture("cost", "normal", "light"), Picture("slo", "normal", "light"),
)  # fmt: skip


def fingerprint(board: str) -> str:
    """Hash of the dashboard as it is built now."""
    text = json.dumps(dashboards(PackConfig())[board], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def manifest() -> dict[str, str]:
    """Picture -> fingerprint of its dashboard now."""
    return {picture.name: fingerprint(picture.board) for picture in CHECKED_IN}


def stale(folder: Path = IMAGES) -> list[str]:
    """Pictures that are missing, no longer true, or that nobody asked for."""
    path = folder / MANIFEST
    drawn: dict[str, str] = json.loads(path.read_text()) if path.is_file() else {}
    wanted = manifest()
    present = {file.name for file in folder.glob("*.png")}
    return sorted({name for name, print_ in wanted.items() if drawn.get(name) != print_ or name not in present}
                  | (drawn.keys() | present) - wanted.keys())  # fmt: skip


@contextmanager
def history(scenario: str, end: float) -> Iterator[Prometheus]:
    """A Prometheus with a month of the scenario: dense now, yesterday and a week ago, else every quarter of an hour."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        text, data, rules = root / "metrics.txt", root / "data", root / "rules.yml"
        month = {end - age * 3 * HOUR for age in range(31 * 8)}
        moments = sorted(month.union(times(end, dense=DENSE, dense_step=60, sparse=8 * DAY, sparse_step=900)))
        with text.open("w") as file:
            file.writelines(f"{line}\n" for line in recorded.slo(scenario, end))
            file.writelines(f"{line}\n" for line in metrics(scenario, moments))
        import_openmetrics(text, data)
        groups = [{**group, "rules": kept} for group in recording_groups(PackConfig())
                  if (kept := [rule for rule in group["rules"] if rule["record"] in READ])]  # fmt: skip
        rules.write_text(yaml_text({"groups": groups}))
        backfill(rules, data, [(end - past - DENSE, end - past) for past in (0, DAY, WEEK)])
        with serve(data) as server:
            yield server


def draw(server: Prometheus, picture: Picture, folder: Path) -> None:
    """Draws one. Raises :class:`RuntimeError` with the program's own words where a panel fails."""
    board = ROOT / "dashboards" / "grafana" / f"otel-llm-{picture.board}.json"
    done = subprocess.run(
        ["node", "render.mjs", "--dashboard", str(board), "--prometheus", server.url, "--out",
         str((folder / picture.name).resolve()), "--theme", picture.theme, "--interval", "60s",
         "--from", f"now-{SPANS[picture.board]}", "--to", "now"],
        cwd=PREVIEW, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{picture.name}: {done.stderr[-2000:]}{done.stdout[-2000:]}")
    for panel in json.loads(done.stdout)["panels"]:
        if panel["state"] != "ok":
            print(f"{picture.name}: {panel['title']}: {panel['state']}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="draw nothing; fail where a picture is stale")
    parser.add_argument("--all", type=Path, help="draw every scenario and theme into this folder")
    parser.add_argument("--only", default="", help="draw pictures of this, e.g. cost-normal")
    asked = parser.parse_args()
    if asked.check:
        raise SystemExit("\n".join(("stale pictures; run `make pictures`:", *found)) if (found := stale()) else 0)
    every = tuple(Picture(board, scenario, theme) for scenario in SCENARIOS for board in SPANS for theme in THEMES)
    chosen = [picture for picture in (every if asked.all else CHECKED_IN) if asked.only in str(picture)]
    folder: Path = asked.all or IMAGES
    folder.mkdir(parents=True, exist_ok=True)
    for scenario in dict.fromkeys(picture.scenario for picture in chosen):
        end = time.time() // 60 * 60 + AHEAD
        with history(scenario, end) as server:
            for picture in chosen:
                if picture.scenario == scenario:
                    draw(server, picture, folder)
    if not asked.all and not asked.only:
        (folder / MANIFEST).write_text(json.dumps(manifest(), indent=2) + "\n")


if __name__ == "__main__":
    main()
