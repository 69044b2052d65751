"""Processes that an app makes by itself: fork, multiprocessing, daemons; and what they leave on disk."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from tests.prefork.programs import told


def test_nothing_is_written_without_a_fork(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        """
        import subprocess
        instrumented()
        work(3)
        subprocess.run(["true"], check=True)
        before = home().exists()
        os.waitpid(fork(lambda: None), 0)
        after = sorted(path.suffix for path in home().iterdir())
        otel_llm.uninstrument()
        tell(before=before, after=after, left=home().exists(), calls=3)
        """,
    )
    assert found == {"before": False, "after": ["", ".cells"], "left": False, "calls": 3}


def test_fork_counts_once_and_children_start_at_zero(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        """
        instrumented()
        work(5)
        own = lambda: sum(v for _, v in otel_llm.instrumentor._installed.recorder.ledger.counters(catalog.CALLS))
        def child():
            work(7)
            (Path(sys.argv[0]).parent / "own").write_text(str(own()))
        for _ in range(3):
            os.waitpid(fork(child), 0)
        shown = scraped()
        tell(calls=shown.calls, tokens=shown.value(catalog.CALL_TOKENS), own=own(), errors=shown.errors,
             child=float((Path(sys.argv[0]).parent / "own").read_text()))
        """,
    )
    assert found == {"calls": 26, "tokens": 26 * 18, "own": 5, "child": 7, "errors": {}}


def test_threads_that_fork_first_at_once_join_once(tmp_path: Path) -> None:
    """The second one comes while the first is about to take the directory."""
    found = told(
        tmp_path,
        """
        import threading
        from otel_llm.prefork.membership import Membership
        instrumented()
        work(10)
        both, make = threading.Barrier(2), Membership.__init__
        def making(self, *rest):
            try:
                both.wait(1)  # never two at once
            except threading.BrokenBarrierError:
                pass
            make(self, *rest)
        Membership.__init__ = making
        threads = [threading.Thread(target=lambda: os.waitpid(fork(lambda: None), 0)) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        tell(calls=scraped().calls, files=len(list(home().glob("*.cells"))),
             threads=sum(thread.name == "otel-llm-prefork" for thread in threading.enumerate()))
        """,
    )
    assert found == {"calls": 10, "files": 1, "threads": 1}


def test_threads_of_a_child_that_was_forked_past_python_set_it_up_once(tmp_path: Path) -> None:
    """As uWSGI forks: no hook of Python's runs, and a thread of the parent holds the parent's lock for good."""
    found = told(
        tmp_path,
        """
        import ctypes, threading
        from otel_llm.signals.pipeline import Pipeline
        instrumented()
        work(2)
        inside, real = threading.Barrier(2), Pipeline.renew
        renewed = []
        def renewing(self):
            renewed.append(1)
            try:
                inside.wait(1)
            except threading.BrokenBarrierError:
                pass
            real(self)
        Pipeline.renew = renewing
        source, out = os.pipe()
        made = otel_llm.instrumentor.installed()
        with made._arrivals.setdefault(os.getpid(), threading.RLock()):
            pid = ctypes.PyDLL(None).fork()
        if not pid:
            threads = [threading.Thread(target=work, args=(1,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            os.write(out, json.dumps({"renewed": len(renewed), "calls": scraped().calls}).encode())
            os._exit(0)
        os.waitpid(pid, 0)
        tell(**json.loads(os.read(source, 99)))
        """,
    )
    assert found == {"renewed": 1, "calls": 2}


def test_a_child_that_makes_no_call_leaves_the_parents_refresh_alone(tmp_path: Path) -> None:
    """A thread of the parent may hold the lock of the event by which it is stopped: it is never given back there."""
    found = told(
        tmp_path,
        """
        source = Path(sys.argv[0]).parent / "prices.json"
        source.write_bytes((Path(otel_llm.__file__).parent / "prices" / "prices.json").read_bytes())
        setup(scrape_port=0, prices_refresh=str(source))
        refresh = otel_llm.instrumentor.installed().refresh
        with refresh._stopped._cond:
            pid = os.fork()
            if not pid:
                signal.alarm(20)
                otel_llm.uninstrument()
                os._exit(7)
        tell(code=os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """,
    )
    assert found == {"code": 7}


def test_a_forked_child_refreshes_its_prices(tmp_path: Path) -> None:
    """The parent's thread does not live on in it."""
    found = told(
        tmp_path,
        """
        source = Path(sys.argv[0]).parent / "prices.json"
        packaged = Path(otel_llm.__file__).parent / "prices" / "prices.json"
        table = json.loads(packaged.read_text())
        source.write_text(json.dumps({**table, "date": "2027-01-01"}))
        setup(scrape_port=0, prices_refresh=str(source))
        date = lambda: otel_llm.instrumentor._installed.recorder._prices.table.date.isoformat()
        until(lambda: date() == "2027-01-01", 30)
        result = Path(sys.argv[0]).parent / "child"
        def child():
            source.write_text(json.dumps({**table, "date": "2027-02-02"}))
            call()
            until(lambda: date() == "2027-02-02", 30)
            result.write_text(date())
        os.waitpid(fork(child), 0)
        tell(child=result.read_text(), parent=date())
        """,
    )
    assert found == {"child": "2027-02-02", "parent": "2027-01-01"}


def test_kill_9_in_the_middle_loses_at_most_the_update_in_progress(tmp_path: Path) -> None:
    """The child notes each call in a file after it was counted; it is killed at no point of its choosing."""
    found = told(
        tmp_path,
        """
        instrumented()
        journal = os.open(str(Path(sys.argv[0]).parent / "journal"), os.O_CREAT | os.O_APPEND | os.O_RDWR)
        noted = lambda: os.fstat(journal).st_size
        def child():
            while True:
                call()
                os.write(journal, b".")
        rounds, shown = [], 0
        for number in range(8):
            pid = fork(child)
            until(lambda: noted() >= 20 * (number + 1), 30)
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            now = scraped()
            rounds.append([noted(), now.calls, now.value(catalog.DURATION), now.value(catalog.INFLIGHT)])
        tell(rounds=rounds, files=len(list(home().glob("*.cells"))))
        """,
    )
    for number, (noted, calls, durations, inflight) in enumerate(found["rounds"], 1):
        assert noted <= calls <= noted + number
        assert noted <= durations <= noted + number
        assert inflight == 0
    assert found["files"] == 1, "the parent's own; the dead are in the archive"


@pytest.mark.parametrize(
    ("method", "parent"), [("fork", True), ("spawn", True), ("forkserver", True), ("fork", False), ("spawn", False)]
)
def test_multiprocessing(tmp_path: Path, method: str, parent: bool) -> None:
    """The parent instrumented or not: children find each other. A child's last figures are there when it has ended,
    exemplars included."""
    found = told(
        tmp_path,
        f"""
        def child(times, queue):
            instrumented()
            for _ in range(times):
                call("gpt-" + str(times))
            queue.put(1)
        if __name__ == "__main__":
            context = multiprocessing.get_context({method!r})
            if {parent}:
                instrumented()
                work(2)
            queue = context.Queue()
            children = [context.Process(target=child, args=(times, queue)) for times in (3, 4)]
            for process in children:
                process.start()
            for process in children:
                process.join()
            if {parent}:
                shown = scraped()
                models = {{s.labels["gen_ai_request_model"] for s in shown.samples if s.exemplar}}
                tell(calls=shown.calls, errors=shown.errors, exemplars=sorted(models - {{"gpt-4o"}}))
            else:
                from otel_llm.prefork.directory import Directory
                from otel_llm.prefork.totals import Names
                totals = Directory(home(), Names(100)).total(None, list)
                found = totals.histograms(catalog.DURATION)
                models = {{labels[2] for labels, value in found if any(value.exemplars)}}
                calls = sum(value for _, value in totals.counters(catalog.CALLS))
                tell(calls=calls, errors={{}}, exemplars=sorted(models))
        """,
    )
    assert found == {"calls": 9 if parent else 7, "errors": {}, "exemplars": ["gpt-3", "gpt-4"]}


def test_a_full_disk_costs_the_sum_and_nothing_else(tmp_path: Path) -> None:
    """Files may not grow beyond 1 KB: one warning, the calls go on, and the process that was shown before it had
    children is so still, by its children, too. A child's own figures would fall whenever another one answers, so nobody
    shows them."""
    found = told(
        tmp_path,
        """
        import logging, resource
        logged = []
        class Keep(logging.Handler):
            def emit(self, record):
                logged.append(record.getMessage())
        logging.getLogger("otel_llm").addHandler(Keep())
        logging.getLogger("otel_llm").propagate = False
        instrumented()
        work(2)
        unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, unlimited[1]))
        def child():
            work(3)
            os.write(out, str(scraped().calls).encode())
        source, out = os.pipe()
        os.waitpid(fork(child), 0)
        work(2)
        full = scraped()
        tell(calls=full.calls, child=float(os.read(source, 100)), errors=full.errors, logged=logged)
        """,
    )
    (warning,) = found.pop("logged")
    assert "OTEL_LLM_PREFORK_DIR" in warning
    assert "File too large" in warning
    assert found == {"calls": 4, "child": 2, "errors": {"prefork.full": 1}}


def test_dead_process_s_open_calls_disappear(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        """
        from otel_llm import runtime
        from otel_llm.call import Call
        from otel_llm.formats.facts import Request
        instrumented()
        def child():
            request = Request(operation="chat", model="gpt-4o")
            held = Call(
                signals=runtime.current().recorder, client="x", provider="openai", format="openai_chat", request=request
            )
            os.read(wait, 1)
        wait, _ = os.pipe()
        pid = fork(child)
        shown = lambda: scraped().value(catalog.INFLIGHT)
        until(lambda: shown() == 1, 30)
        oldest = scraped().value(catalog.OLDEST_INFLIGHT)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        tell(oldest=oldest > 0, after=shown())
        """,
    )
    assert found == {"oldest": True, "after": 0}


@pytest.mark.parametrize("variable", ["OTEL_LLM_PREFORK_DIR", "PROMETHEUS_MULTIPROC_DIR"])
def test_a_directory_that_is_named_joins_processes_that_have_nothing_in_common(tmp_path: Path, variable: str) -> None:
    """And an app's own registry, as prometheus_client's multiprocess mode has one, shows the sum, too."""
    shared = tmp_path / "shared"
    shared.mkdir()
    found = told(
        tmp_path,
        """
        import subprocess
        from prometheus_client import CollectorRegistry, multiprocess
        instrumented()
        work(2)
        other = "from tests.prefork.app import *; setup(scrape_port=0); [call() for _ in range(3)]"
        subprocess.run([sys.executable, "-c", other], check=True)
        registry = CollectorRegistry()
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            multiprocess.MultiProcessCollector(registry)
        registry.register(otel_llm.collector())
        own = Figures(generate_latest(registry).decode())
        tell(calls=scraped().calls, own=own.calls)
        """,
        **{variable: str(shared)},
    )
    assert found == {"calls": 5, "own": 5}
    # Nobody is left: the next start begins at 0.
    assert told(tmp_path, "instrumented()\ntell(calls=scraped().calls)", **{variable: str(shared)}) == {"calls": 0}


ATTRIBUTED = """
import otel_llm
from tests.prefork.app import call, setup
setup(scrape_port=0, attribution="tenant,team", attribution_cap=300)
def calls(first, after):
    for number in range(first, after):
        with otel_llm.attribution(tenant=f"tenant{number}", team=f"team{number}"):
            call()
"""


def test_attributed_values_have_their_own_cap_in_the_sum(tmp_path: Path) -> None:
    """300 each of two keys stand beside each other; what is one too many for the family is counted, once."""
    found = told(
        tmp_path,
        """
        import subprocess
        sys.path.insert(0, str(Path(sys.argv[0]).parent))
        Path(sys.argv[0]).with_name("attributed.py").write_text(SOURCE)
        from attributed import calls
        calls(0, 300)
        values = lambda shown: len({s.labels["attribution_value"] for s in shown.samples
                                    if s.name == catalog.ATTRIBUTED_CALLS.series and s.value})
        overflow = lambda shown: shown.value(catalog.LABEL_OVERFLOW, label="attribution_value")
        first = scraped()
        other = "import os, sys; sys.path.insert(0, sys.argv[1]); import attributed; attributed.calls(300, 303)"
        subprocess.run([sys.executable, "-c", other + "; os._exit(0)", sys.path[0]], check=True)
        scraped()
        last = scraped()
        tell(first=[values(first), overflow(first)], last=[values(last), overflow(last)],
             calls=last.value(catalog.ATTRIBUTED_CALLS), errors=last.errors)
        """.replace("SOURCE", repr(ATTRIBUTED)),
        OTEL_LLM_PREFORK_DIR=str(tmp_path / "shared"),
    )
    assert found == {"first": [600, 0], "last": [601, 6], "calls": 606, "errors": {}}


def test_directories_of_families_that_are_over_are_removed(tmp_path: Path) -> None:
    """Killed as a whole: the next family that begins cleans up."""
    family = """
        instrumented()
        os.waitpid(fork(lambda: work(1)), 0)
        print(json.dumps({"home": str(home()), "calls": scraped().calls}), flush=True)
        if "KILLED" in os.environ:
            os.kill(os.getpid(), signal.SIGKILL)
        """
    first = told(tmp_path, family, code=-signal.SIGKILL, KILLED="1")
    assert first["calls"] == 1
    assert Path(first["home"]).exists()
    second = told(tmp_path, family)
    assert second["calls"] == 1
    assert not Path(first["home"]).exists()
    assert not Path(second["home"]).exists()
