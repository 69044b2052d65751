"""One run of the demo: emulator, library, Prometheus, driver, and a terminal to watch them."""

from __future__ import annotations

import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

import otel_llm
from otel_llm.demo import tables
from otel_llm.demo.comparison import differences
from otel_llm.demo.course import Course
from otel_llm.demo.driver import Driver
from otel_llm.demo.emulator import FEATURE_KEY, Emulator
from otel_llm.demo.exposed import Exposed
from otel_llm.demo.prices import PRICES, write_overrides
from otel_llm.demo.prometheus import JOB, Prometheus, PrometheusError, free_port, installed, pack_rules
from otel_llm.demo.watch import AlertWatch

RATE: Final = 25.0
"""Calls per second."""
PLAYED: Final = 7200.0
"""Seconds that the rules take the demo for: their windows are scaled so that the demo lasts two of their hours."""
FASTEST: Final = 120.0
"""Windows of five minutes are then 2.5 seconds: five scrapes."""
_TICK: Final = 0.5
"""Seconds between two frames."""
_DAY_BUDGET: Final = 25.0
_MONTH_BUDGET: Final = 500.0


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What the command line asks for."""

    scenario: str = "all"
    duration: float = 60.0
    """Seconds."""
    seed: int = 1
    prometheus: bool = True
    """Start Prometheus if it is installed."""

    @property
    def speed(self) -> float:
        """How many times faster the rules run."""
        return min(max(PLAYED / self.duration, 1.0), FASTEST)


class Session:
    """Everything that runs, for the length of a ``with`` statement."""

    def __init__(self, options: Options, console: Console) -> None:
        self.options = options
        self.console = console
        self._stack = ExitStack()
        self.course = Course(options.scenario, options.duration, options.seed)
        self.watch: AlertWatch | None = None

    def __enter__(self) -> Session:
        with self._stack:
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="otel-llm-demo-")))
            port = self._instrument(folder)
            self.emulator = self._stack.enter_context(Emulator(prices=PRICES))
            self._start_prometheus(folder, port)
            with self.console.status("importing openai and anthropic"):
                self.driver = Driver(self.emulator, self.course.jobs(), rate=RATE)
            self._stack.callback(self.driver.stop)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _instrument(self, folder: Path) -> int:
        prices, port = folder / "prices.json", free_port()
        write_overrides(prices)
        otel_llm.instrument(
            disabled=False, semconv="released", scrape="on", scrape_host="127.0.0.1", scrape_port=port,
            prices=str(prices), budget_day=_DAY_BUDGET, budget_month=_MONTH_BUDGET, attribution=FEATURE_KEY,
        )  # fmt: skip
        self._stack.callback(otel_llm.uninstrument)
        self.console.print(f"otel-llm serves http://127.0.0.1:{port}/metrics")
        return port

    def _start_prometheus(self, folder: Path, port: int) -> None:
        program = installed()
        if not self.options.prometheus or program is None:
            if program is None:
                self.console.print("Prometheus is not installed (no `prometheus` on PATH): no alerts in this demo")
            return
        speed = self.options.speed
        server = Prometheus(program, folder, {JOB: [f"127.0.0.1:{port}"]}, pack_rules(speed))
        try:
            self._stack.enter_context(server)
        except PrometheusError as error:
            self.console.print(f"[yellow]no alerts in this demo: {error}[/]")
            return
        self.watch = AlertWatch(server)
        self.console.print(
            f"Prometheus runs at {server.url} with the pack's rules {speed:.3g} times faster than you would run them: "
            f"5 minutes are {300 / speed:.3g} s"
        )


def run(options: Options, console: Console | None = None) -> int:
    """Runs the demo. 0 if ``/metrics`` says what happened, 1 if not. Raises ``ValueError`` for an unknown scenario.

    Ctrl-C ends it early and in order: open calls end, and the summary is that of the calls made."""
    console = console or Console()
    with Session(options, console) as session:
        interrupted = False
        session.driver.start()
        try:
            _show(session)
        except KeyboardInterrupt:
            interrupted = True
        if not session.driver.stop():
            console.print("[red]some calls did not end; their figures are missing below[/]")
        if interrupted:
            console.print("Interrupted: this is the summary of the calls made until now.")
        return _summary(session)


def _show(session: Session) -> None:
    """The live view, until the driver has no more to do."""
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(bar_width=None), TextColumn("{task.fields[calls]} calls"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True), console=session.console, expand=True,
    )  # fmt: skip
    task = bar.add_task("", total=session.course.duration, calls="0")
    last = ""
    with Live(console=session.console, auto_refresh=False, transient=True) as live:
        while session.driver.running:
            phase = session.course.phase
            if phase.name != last and not session.console.is_terminal:
                session.console.print(f"{session.course.elapsed:5.1f} s  {phase.name}: {phase.help}")
            last = phase.name
            live.update(_frame(session, bar, task), refresh=True)
            time.sleep(_TICK)


def _frame(session: Session, bar: Progress, task: TaskID) -> RenderableType:
    phase = session.course.phase
    done = min(session.course.elapsed, session.course.duration)
    bar.update(task, completed=done, calls=str(session.driver.done), description=f"{phase.name}: {phase.help}")
    parts: list[RenderableType] = [bar, tables.models(Exposed.now())]
    if session.watch is not None:
        session.watch.poll()
        parts.append(session.watch.table())
    return Group(*parts, Text("Ctrl-C ends the demo with its summary", style="dim"))


def _summary(session: Session) -> int:
    console, injected, exposed = session.console, session.emulator.injected, Exposed.now()
    found = differences(injected, exposed)
    console.print(tables.models(exposed), tables.errors(exposed), tables.truth(injected, exposed, found))
    if session.watch is not None:
        session.watch.poll()
        console.print(session.watch.table())
    for surprise in session.driver.surprises:
        console.print(f"[red]an SDK did not get what was planned: {surprise}[/]", markup=True)
    for difference in found:
        console.print(str(difference), markup=False, style="red")
    if found or session.driver.surprises:
        return 1
    console.print("Every figure that was compared is what the emulator injected.", style="green")
    return 0
