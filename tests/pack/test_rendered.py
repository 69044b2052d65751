"""What a person reads when an alert fires, and where its links lead: of texts that promtool itself has rendered.

That the alerts say just this is proven with their stories (:mod:`tests.pack.test_alerts`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from otel_llm.pack.alerts.alert import VARIABLES
from otel_llm.pack.boards.board import panel_id
from tests.pack.cases import CASES
from tests.pack.promtool import ALERTS, BOARDS, GRAFANA, RENDERED, RUNBOOKS, Case, Texts, own_labels

FOLDER = Path(__file__).parents[2] / "dashboards" / "runbooks"
UNRENDERED = re.compile(r"{{|}}|<no value>|NaN|Inf|%!|\\$labels|\\$value|error expanding")
"""What Prometheus leaves or writes where a template asks for what is not there."""
SAID: dict[str, dict[str, Texts]] = json.loads(RENDERED.read_text())
FIRING = [pytest.param(key, case, id=f"{key}-{case.name}") for key, cases in CASES.items()
          for case in cases if case.fires]  # fmt: skip


def test_every_firing_story_has_its_texts() -> None:
    wanted = {key: {case.name for case in cases if case.fires} for key, cases in CASES.items()}
    assert {key: set(stories) for key, stories in SAID.items()} == wanted


@pytest.mark.parametrize(("key", "case"), FIRING)
def test_texts_are_whole(key: str, case: Case) -> None:
    texts = SAID[key][case.name]
    assert set(texts) == {"summary", "description", "runbook_url", "dashboard_url"}
    for text in texts.values():
        assert not UNRENDERED.search(text), text
    labels = own_labels(ALERTS[key], case)
    for name, value in labels.items():
        assert value in texts["summary"] or value in texts["description"], f"nobody is told the {name}"
    assert texts["summary"].startswith(labels["job"]), "what it is about comes first"
    assert len(texts["summary"]) <= 90, "a pager shows one line"


@pytest.mark.parametrize(("key", "case"), FIRING)
def test_the_link_leads_to_the_panel_of_what_fires(key: str, case: Case) -> None:
    """The dashboard is there and has the panel; each variable is one of its own and has the label's very value."""
    alert = ALERTS[key]
    url = SAID[key][case.name]["dashboard_url"]
    address, board = urlsplit(url), BOARDS[alert.board]
    asked = parse_qs(address.query, keep_blank_values=True, strict_parsing=True)
    assert url.startswith(f"{GRAFANA}/d/{board['uid']}?")
    assert asked["viewPanel"] == [str(panel_id(board, alert.panel))]
    variables = {name.removeprefix("var-"): values for name, values in asked.items() if name.startswith("var-")}
    labels = own_labels(alert, case)
    assert variables == {VARIABLES[name]: [value] for name, value in labels.items() if name in VARIABLES}
    assert set(variables) <= {variable["name"] for variable in board["templating"]["list"]}
    assert set(asked) - set(variables) >= {"from", "to"}


@pytest.mark.parametrize(("key", "case"), FIRING)
def test_the_link_leads_to_the_runbook(key: str, case: Case) -> None:
    url = SAID[key][case.name]["runbook_url"]
    assert url == f"{RUNBOOKS}/{ALERTS[key].full_name}.md"
    assert (FOLDER / url.rpartition("/")[2]).read_text().startswith(f"# {ALERTS[key].full_name}\n")
