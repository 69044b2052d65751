"""Settings, formats, staleness, and the commands."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import settings as settings_of_hypothesis
from hypothesis import strategies as st
from typer.testing import CliRunner

from otel_llm.cli.app import app
from otel_llm.pack import PackConfig, SettingError, configure, export, settings
from tests.pack.promtool import ALERTS

CHECKED_IN = Path(__file__).parents[2] / "dashboards"
RUN = CliRunner()


def test_checked_in_pack_is_up_to_date() -> None:
    assert export.stale(export.checked_in(), CHECKED_IN) == []


def test_staleness_is_noticed(tmp_path: Path) -> None:
    files = {"a.yml": "1\n", "b/c.md": "2\n"}
    export.write(files, tmp_path)
    assert export.stale(files, tmp_path) == []
    (tmp_path / "a.yml").write_text("edited")
    (tmp_path / "b" / "c.md").unlink()
    (tmp_path / "old.json").write_text("{}")
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "kept.png").write_text("")
    assert export.stale(files, tmp_path) == ["a.yml is stale", "b/c.md is missing", "old.json is no longer made"]
    export.remove_leftovers(files, tmp_path)
    assert not (tmp_path / "old.json").exists()
    assert (tmp_path / "images" / "kept.png").exists()


@pytest.mark.parametrize("name", export.DASHBOARD_FORMATS)
def test_dashboard_formats_parse(name: str) -> None:
    for path, text in export.DASHBOARD_FORMATS[name](PackConfig()).items():
        content = json.loads(text) if path.endswith(".json") else yaml.safe_load(text)
        assert content


def test_import_form_asks_for_the_data_source() -> None:
    files = export.DASHBOARD_FORMATS["grafana-com"](PackConfig())
    assert len(files) == 7
    for text in files.values():
        board = json.loads(text)
        names = [one["name"] for one in board["__inputs"]]
        assert names == ["DS_PROMETHEUS"]
        variable = board["templating"]["list"][0]
        assert variable["current"]["value"] == "${DS_PROMETHEUS}"
        assert {one["id"] for one in board["__requires"] if one["type"] == "panel"} == {
            panel["type"] for panel in board["panels"] if panel["type"] != "row"
        }


def test_provisioned_form_has_no_inputs() -> None:
    for path, text in export.DASHBOARD_FORMATS["provisioning"](PackConfig()).items():
        if path.endswith(".json"):
            assert "DS_PROMETHEUS" not in text


def test_kubernetes_kinds() -> None:
    maps = [yaml.safe_load(text) for text in export.DASHBOARD_FORMATS["configmap"](PackConfig()).values()]
    assert all(one["metadata"]["labels"]["grafana_dashboard"] == "1" for one in maps)
    assert all(json.loads(next(iter(one["data"].values())))["uid"].startswith("otel-llm-") for one in maps)
    assert all(len(str(one["data"])) < 1_000_000 for one in maps), "a ConfigMap holds 1 MiB"
    rules = {path: yaml.safe_load(text) for path, text in export.RULE_FORMATS["prometheusrule"](PackConfig()).items()
             if path.startswith("kubernetes/")}  # fmt: skip
    plain = export.RULE_FORMATS["prometheus"](PackConfig())
    for kind in ("records", "alerts"):
        resource = rules[f"kubernetes/otel-llm-{kind}.prometheusrule.yml"]
        assert resource["kind"] == "PrometheusRule"
        assert resource["spec"] == yaml.safe_load(plain[f"prometheus/otel-llm-{kind}.yml"])


def test_grafana_managed_rules() -> None:
    content = yaml.safe_load(export.RULE_FORMATS["grafana-managed"](PackConfig())["grafana/alert-rules.yml"])
    rules = [rule for group in content["groups"] for rule in group["rules"]]
    assert len(rules) == len(ALERTS)
    assert len({rule["uid"] for rule in rules}) == len(rules)
    assert len({rule["title"] for rule in rules}) == len(rules)
    for rule in rules:
        assert len(rule["uid"]) <= 40
        assert rule["condition"] == "B"
        assert rule["data"][0]["model"]["expr"] == ALERTS[rule["title"]].expr
        assert "$value " not in str(rule["annotations"]), "Grafana's $value is a text of all values"
        assert "${" not in str(rule["annotations"]), "provisioning takes it for a variable of the environment"
        assert rule["annotations"]["__panelId__"].isdigit()
        assert rule.get("keepFiringFor", "") == ALERTS[rule["title"]].keep
        assert rule["data"][0]["datasourceUid"] == "prometheus"


def test_grafana_managed_rules_ask_the_data_source_that_is_set() -> None:
    text = export.RULE_FORMATS["grafana-managed"](configure(["links.datasource=mimir-1"]))["grafana/alert-rules.yml"]
    asked = {query["datasourceUid"] for group in yaml.safe_load(text)["groups"] for rule in group["rules"]
             for query in rule["data"]}  # fmt: skip
    assert asked == {"mimir-1", "__expr__"}


MARKDOWN_LINK = re.compile(r"\]\(([^)#]+)[^)]*\)")


@pytest.mark.parametrize("name", [*export.DASHBOARD_FORMATS, *export.RULE_FORMATS])
def test_links_resolve_in_every_export(name: str, tmp_path: Path) -> None:
    """A runbook must not show a picture, or lead to a page, that was not exported with it."""
    formats = {**export.DASHBOARD_FORMATS, **export.RULE_FORMATS}
    export.write(formats[name](PackConfig()), tmp_path)
    assert _dead_links(tmp_path) == []
    if name in export.RULE_FORMATS:
        assert (tmp_path / "runbooks" / "README.md").is_file()


SECTIONS = ("Symptom", "What it means", "First three looks", "Whose fault", "Mitigate", "After", "The rule")


@pytest.mark.parametrize("name", sorted({alert.full_name for alert in ALERTS.values()}))
def test_every_runbook_has_its_sections(name: str) -> None:
    """In the order in which a person who was asleep a minute ago needs them, and none of them empty."""
    _, *sections = re.split(r"^## (.+)$", (CHECKED_IN / "runbooks" / f"{name}.md").read_text(), flags=re.MULTILINE)
    found = dict(zip(sections[::2], sections[1::2], strict=True))
    assert tuple(title for title in found if title != "False alarms") == SECTIONS
    assert all(text.strip() for text in found.values())
    assert len(re.findall(r"^\d\. ", found["First three looks"], flags=re.MULTILINE)) == 3


def test_links_resolve_in_the_repository() -> None:
    assert _dead_links(CHECKED_IN) == []


def _dead_links(root: Path) -> list[str]:
    found = ((page, link) for page in root.rglob("*.md") for link in MARKDOWN_LINK.findall(page.read_text()))
    return [f"{page.name}: {link}" for page, link in found
            if "://" not in link and not (page.parent / link).exists()]  # fmt: skip


def test_every_setting_has_a_reason() -> None:
    found = list(settings())
    assert len(found) > 30
    for setting in found:
        assert setting.reason, setting.path
        assert setting.allowed, setting.path


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("slo", ["path=value"]),
        ("slo=2", ["slo", "'2'", "> 0, < 1"]),
        ("slo=often", ["slo", "'often'"]),
        ("solo=0.9", ["'solo'", "not known", "slo"]),
        ("error=1", ["not known"]),
        ("latency.target=3", ["latency.target", "10.24"]),
        ("semconv=latest", ["released or main"]),
        ("cost.spike_factor=1", ["> 1"]),
        ('traffic.ignore_jobs=a"b', ["quotation"]),
        ("traffic.ignore_jobs=(", ["traffic.ignore_jobs", "'('", "not a regular expression", "[(]"]),
        ("traffic.ignore_jobs=a(?!b)", ["Prometheus", "(?!", "|"]),
        ("traffic.ignore_jobs=(a)\\1", ["Prometheus", "|"]),
        ("traffic.ignore_jobs=a++", ["a++", "|"]),
        ("slo=0.93", ["slo=0.93", "burn.page_fast", "slo above 0.9306"]),
        ("burn.ticket_fast=200", ["burn.ticket_fast", "200 times", "smaller"]),
        ("slo=0.9999999999", ["slo=0.9999999999", "at most 0.999999"]),
        ("guard.burn_calls=inf", ["guard.burn_calls", "'inf'", "finite"]),
        ("cost.spike_floor=inf", ["cost.spike_floor", "'inf'", "finite"]),
        ("latency.stuck=nan", ["latency.stuck"]),
        ("links.grafana=grafana.example.com", ["links.grafana", "'grafana.example.com'", "https://"]),
    ],
)
def test_bad_setting_says_what_and_what_is_allowed(assignment: str, words: list[str]) -> None:
    with pytest.raises(SettingError) as caught:
        configure([assignment])
    for word in words:
        assert word in str(caught.value)


@settings_of_hypothesis(deadline=None)
@given(st.floats(min_value=0.9306, max_value=0.999999))
def test_any_slo_gives_rules(slo: float) -> None:
    config = configure([f"slo={slo!r}"])
    assert config.slo == slo
    assert 0 < config.allowance * config.burn.page_fast < 1


def test_commands(tmp_path: Path) -> None:
    done = RUN.invoke(app, ["dashboards", "export", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "grafana" / "otel-llm-overview.json").is_file()
    assert (tmp_path / "grafana" / "provisioning.yml").is_file()
    done = RUN.invoke(app, ["rules", "export", str(tmp_path), "--set", "slo=0.995", "--set", "budget.month=5000"])
    assert done.exit_code == 0, done.output
    assert "> 0.072" in (tmp_path / "prometheus" / "otel-llm-alerts.yml").read_text()
    assert "--set links.runbooks=https://" in done.stderr
    assert "--set links.grafana=https://" in done.stderr
    done = RUN.invoke(app, ["rules", "export", str(tmp_path), "--set", "slo=3"])
    assert done.exit_code == 2
    done = RUN.invoke(app, ["rules", "settings"])
    assert "budget.month" in done.output


def test_whole_addresses_are_not_warned_of(tmp_path: Path) -> None:
    links = ["--set", "links.runbooks=https://wiki.example.com/llm/", "--set", "links.grafana=http://grafana:3000/sub"]
    done = RUN.invoke(app, ["rules", "export", str(tmp_path), *links])
    assert done.exit_code == 0
    assert done.stderr == ""
    alerts = yaml.safe_load((tmp_path / "prometheus" / "otel-llm-alerts.yml").read_text())
    for rule in (rule for group in alerts["groups"] for rule in group["rules"]):
        assert rule["annotations"]["runbook_url"] == f"https://wiki.example.com/llm/{rule['alert']}.md"
        assert rule["annotations"]["dashboard_url"].startswith("http://grafana:3000/sub/d/otel-llm-")


def test_build_and_check(tmp_path: Path) -> None:
    folder = str(tmp_path / "out")
    assert RUN.invoke(app, ["dashboards", "build", "--dir", folder, "--check"]).exit_code == 1
    assert RUN.invoke(app, ["dashboards", "build", "--dir", folder]).exit_code == 0
    assert RUN.invoke(app, ["dashboards", "build", "--dir", folder, "--check"]).exit_code == 0


def test_unwritable_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    folder = str(tmp_path / "file" / "below")
    done = RUN.invoke(app, ["rules", "export", folder])
    assert done.exit_code == 2
    assert folder in re.sub(r"[\s│]", "", done.output)  # it goes over several lines of a frame
