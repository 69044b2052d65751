"""The pack as files: each format is a table of relative paths and texts; writing and comparing is the same for all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from otel_llm.pack import alertmanager, error_document, grafana, kubernetes, prose
from otel_llm.pack.boards import dashboards
from otel_llm.pack.config import PackConfig
from otel_llm.pack.documents import json_text, yaml_text
from otel_llm.pack.rules import alert_groups, recording_groups

Files = dict[str, str]
"""Relative path -> content."""


def _provisioning(config: PackConfig) -> Files:
    boards = {f"grafana/{board['uid']}.json": json_text(board) for board in dashboards(config).values()}
    note = f"Into Grafana's provisioning/dashboards; the JSON files into {grafana.DASHBOARD_PATH}."
    return {
        **boards,
        "grafana/provisioning.yml": yaml_text(grafana.provider(), note),
        "grafana/datasource.example.yml": yaml_text(grafana.datasource(), "An example: put in your own addresses."),
    }


def _grafana_com(config: PackConfig) -> Files:
    return {f"grafana.com/{board['uid']}.json": json_text(grafana.for_import(board))
            for board in dashboards(config).values()}  # fmt: skip


def _config_maps(config: PackConfig) -> Files:
    return {f"kubernetes/{board['uid']}.configmap.yml": yaml_text(kubernetes.config_map(board))
            for board in dashboards(config).values()}  # fmt: skip


def _grafana_dashboards(config: PackConfig) -> Files:
    return {f"kubernetes/{board['uid']}.grafanadashboard.yml": yaml_text(kubernetes.grafana_dashboard(board))
            for board in dashboards(config).values()}  # fmt: skip


def _runbooks(config: PackConfig, *, pictures: bool = False) -> Files:
    return {f"runbooks/{name}": text for name, text in prose.runbooks(config, pictures=pictures).items()}


def _alertmanager() -> Files:
    note = "An example: receivers are empty; routes and inhibitions are the point."
    return {"alertmanager/example.yml": yaml_text(alertmanager.example(), note)}


def _prometheus(config: PackConfig) -> Files:
    return {
        "prometheus/otel-llm-records.yml": yaml_text({"groups": recording_groups(config)}),
        "prometheus/otel-llm-alerts.yml": yaml_text(
            {"groups": alert_groups(config)}, "Needs otel-llm-records.yml beside it."
        ),
        **_alertmanager(),
        **_runbooks(config),
    }


def _prometheus_rules(config: PackConfig) -> Files:
    kinds = {"records": recording_groups(config), "alerts": alert_groups(config)}
    rules = {
        f"kubernetes/otel-llm-{kind}.prometheusrule.yml": yaml_text(
            kubernetes.prometheus_rule(groups, f"otel-llm-{kind}")
        )
        for kind, groups in kinds.items()
    }
    return {**rules, **_runbooks(config)}


def _grafana_managed(config: PackConfig) -> Files:
    note = "Into Grafana's provisioning/alerting. The recording rules stay in Prometheus."
    return {
        "grafana/alert-rules.yml": yaml_text(grafana.managed_rules(config), note),
        "prometheus/otel-llm-records.yml": yaml_text({"groups": recording_groups(config)}),
        **_runbooks(config),
    }


Format = Callable[[PackConfig], Files]
DASHBOARD_FORMATS: Final[dict[str, Format]] = {
    "provisioning": _provisioning, "grafana-com": _grafana_com, "configmap": _config_maps,
    "grafanadashboard": _grafana_dashboards,
}  # fmt: skip
RULE_FORMATS: Final[dict[str, Format]] = {
    "prometheus": _prometheus, "prometheusrule": _prometheus_rules, "grafana-managed": _grafana_managed,
}  # fmt: skip


def checked_in(config: PackConfig | None = None) -> Files:
    """What stands under dashboards/ in the repository."""
    config = config or PackConfig()
    return {
        "README.md": prose.front_page(config),
        "reference.md": prose.reference(config),
        "errors.md": error_document.markdown(),
        **_provisioning(config),
        **_prometheus(config),
        **_runbooks(config, pictures=True),
    }


def write(files: Files, folder: Path) -> None:
    """Writes the files. Raises :class:`OSError` where the folder cannot be written."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


KEPT: Final = ("images",)
"""Folders under dashboards/ that are not generated."""


def stale(files: Files, folder: Path) -> list[str]:
    """What differs between the files and the folder: one line each, empty where nothing does."""
    found: list[str] = []
    for name, text in files.items():
        path = folder / name
        if not path.is_file():
            found.append(f"{name} is missing")
        elif path.read_text(encoding="utf-8") != text:
            found.append(f"{name} is stale")
    present = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    found += [f"{path} is no longer made" for path in present
              if path.as_posix() not in files and path.parts[0] not in KEPT]  # fmt: skip
    return found


def remove_leftovers(files: Files, folder: Path) -> None:
    """Removes files of the folder that are no longer made, kept folders aside."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.as_posix() not in files and name.parts[0] not in KEPT:
            path.unlink()
