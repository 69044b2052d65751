"""``otel-llm dashboards`` and ``otel-llm rules``: the pack on the user's machine."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from otel_llm.pack import SettingError, answers, configure, export, settings
from otel_llm.pack.boards import dashboards as dashboard_json
from otel_llm.pack.config import PackConfig, relative_links
from otel_llm.pack.grafana_api import Grafana, GrafanaError

dashboards = typer.Typer(no_args_is_help=True, help="Grafana dashboards for LLM calls.")
rules = typer.Typer(no_args_is_help=True, help="Prometheus rules, alerts and runbooks for LLM calls.")

DashboardFormat = StrEnum("DashboardFormat", list(export.DASHBOARD_FORMATS))
RuleFormat = StrEnum("RuleFormat", list(export.RULE_FORMATS))
_PROVISIONING = DashboardFormat("provisioning")
_PROMETHEUS = RuleFormat("prometheus")

Folder = Annotated[Path, typer.Argument(help="Folder to write to; made where it is missing.", file_okay=False)]
Assignments = Annotated[
    list[str] | None, typer.Option("--set", help="Setting, e.g. slo=0.995; see `otel-llm rules settings`.")
]


def _config(assignments: list[str] | None) -> PackConfig:
    try:
        return configure(assignments or ())
    except SettingError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from error


def _write(files: export.Files, folder: Path) -> None:
    try:
        export.write(files, folder)
    except OSError as error:
        raise typer.BadParameter(f"cannot write to {folder}: {error.strerror}", param_hint="DIR") from error
    typer.echo(f"{len(files)} files written to {folder}")


@dashboards.command("export")
def export_dashboards(
    folder: Folder,
    format_: Annotated[DashboardFormat, typer.Option("--format", help="What will read them.")] = _PROVISIONING,
    assignments: Assignments = None,
) -> None:
    """Write the dashboards."""
    _write(export.DASHBOARD_FORMATS[format_](_config(assignments)), folder)


@dashboards.command("build")
def build(
    folder: Annotated[Path, typer.Option("--dir", help="The repository's folder.", file_okay=False)] = Path(
        "dashboards"
    ),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail where something is stale.")] = False,
) -> None:
    """Build the checked-in pack of otel-llm's own repository (make pack)."""
    files = export.checked_in()
    if not check:
        export.write(files, folder)
        export.remove_leftovers(files, folder)
        typer.echo(f"{len(files)} files written to {folder}")
        return
    found = export.stale(files, folder)
    for line in found:
        typer.echo(f"{folder}/{line}", err=True)
    if found:
        typer.echo("run `make pack` and commit the result", err=True)
        raise typer.Exit(1)
    typer.echo(f"{len(files)} files in {folder} are up to date")


@dashboards.command("push")
def push(
    url: Annotated[str, typer.Option("--url", help="Grafana's address.")],
    token: Annotated[str, typer.Option("--token", envvar="GRAFANA_TOKEN", help="Service account token.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change; change nothing.")] = False,
    assignments: Assignments = None,
) -> None:
    """Put the dashboards into a running Grafana."""
    boards = dashboard_json(_config(assignments)).values()
    try:
        for pushed in Grafana(url, token).push(boards, dry_run=dry_run):
            typer.echo(
                f"{pushed.uid}: {'would be ' if dry_run and pushed.change != 'unchanged' else ''}{pushed.change}"
            )
    except GrafanaError as error:
        typer.echo(f"otel-llm: {error}", err=True)
        raise typer.Exit(1) from error


@rules.command("export")
def export_rules(
    folder: Folder,
    format_: Annotated[RuleFormat, typer.Option("--format", help="What will read them.")] = _PROMETHEUS,
    assignments: Assignments = None,
) -> None:
    """Write recording rules, alerts and runbooks."""
    config = _config(assignments)
    _write(export.RULE_FORMATS[format_](config), folder)
    for problem in relative_links(config):
        typer.echo(f"warning: {problem}", err=True)


@rules.command("settings")
def show_settings() -> None:
    """List every setting with its default and the reason for it."""
    table = Table("Path", "Default", "Allowed", "Why", box=None, pad_edge=False)
    for setting in settings():
        table.add_row(setting.path, str(setting.default), setting.allowed, setting.reason)
    Console().print(table)


def check(
    prometheus: Annotated[str, typer.Option("--prometheus", help="Address of your Prometheus.")],
    assignments: Assignments = None,
) -> None:
    """Tell which panels and rules your Prometheus leaves empty, and why.

    Exit status: 0 where only features not in use are empty, 1 where something is to be mended, 2 without an answer.
    """
    try:
        found = list(answers.check(answers.prometheus(prometheus), _config(assignments)))
    except answers.PrometheusError as error:
        typer.echo(f"otel-llm: {error}", err=True)
        raise typer.Exit(2) from error
    faults = _list("to be mended", [answer for answer in found if answer.fault])
    _list("empty, and no fault", [answer for answer in found if answer.reason and not answer.fault])
    empty = sum(bool(answer.reason) for answer in found)
    typer.echo(f"{len(found) - empty} of {len(found)} queries have their series; {faults} to be mended")
    raise typer.Exit(1 if faults else 0)


def _list(title: str, found: list[answers.Answer]) -> int:
    places: dict[str, list[str]] = {}
    for answer in found:
        places.setdefault(answer.reason, []).append(answer.place)
    for reason, names in places.items():
        typer.echo(f"{reason} ({title}):")
        for name in names:
            typer.echo(f"    {name}")
    return len(found)


def register(app: typer.Typer) -> None:
    """Adds the commands to the command tree."""
    app.add_typer(dashboards, name="dashboards")
    app.add_typer(rules, name="rules")
    app.command()(check)
