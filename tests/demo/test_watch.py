"""Alerts through their states."""

from __future__ import annotations

import io

from rich.console import Console

from otel_llm.demo.prometheus import Alert
from otel_llm.demo.watch import AlertWatch


class Scripted:
    """Answers one list of alerts per poll."""

    def __init__(self, *answers: list[Alert]) -> None:
        self._answers = list(answers)

    def alerts(self) -> list[Alert]:
        return self._answers.pop(0)


def alert(state: str, where: str = "openai", name: str = "Outage") -> Alert:
    return Alert(name, "critical", where, state)


def rows(watch: AlertWatch) -> list[list[str]]:
    console = Console(file=io.StringIO(), width=80)
    console.print(watch.table())
    return [line.split() for line in console.file.getvalue().splitlines()[4:] if line.strip()]


def test_pending_firing_and_over():
    watch = AlertWatch(Scripted([alert("pending")], [alert("firing")], []))
    watch.poll()
    assert rows(watch) == [["Outage", "critical", "pending"]]
    assert watch.fired == set()
    watch.poll()
    assert rows(watch) == [["Outage", "critical", "firing", "openai"]]
    watch.poll()
    assert rows(watch) == [["Outage", "critical", "fired", "openai"]]
    assert watch.fired == {"Outage"}


def test_what_never_fired_goes_away():
    watch = AlertWatch(Scripted([alert("pending")], []))
    watch.poll()
    watch.poll()
    assert rows(watch) == []


def test_one_row_for_an_alert_that_is_about_several_things():
    watch = AlertWatch(
        Scripted([alert("firing", "openai a"), alert("pending", "anthropic b")], [alert("firing", "anthropic b")])
    )
    watch.poll()
    assert rows(watch) == [["Outage", "critical", "firing", "openai", "a"]]
    watch.poll()
    assert rows(watch) == [["Outage", "critical", "firing", "openai,", "anthropic"]]


def test_firing_comes_first():
    watch = AlertWatch(Scripted([alert("pending", name="A"), alert("firing", name="B")]))
    watch.poll()
    assert [row[0] for row in rows(watch)] == ["B", "A"]
