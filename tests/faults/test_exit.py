"""The end of a process, from the app's last line until the process is gone, beside the bare app's.

Two classes, told apart by the setting ``exit_timeout``: an end that waits for a collector takes as long as it says, any
other one takes what the bare app's takes.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from tests.join.receiver import Receiver
from tests.prefork.server import REPOSITORY, environment

PATIENCE = 4.0
"""What ``exit_timeout`` says: far above the end of the bare app, on a busy machine, too."""
ROUNDS = 3
"""The shortest of so many ends is what one takes; whoever else is at work only makes it longer."""
FACTOR = 2.5
"""Of the bare app's end, for one that has to do with no other process. On 2026-11-26: 0.9 with an endpoint to close; 4
when the endpoint's thread looked twice a second whether it was to end."""
PROGRAM = r"""
import itertools, logging, os, time
import httpx, otel_llm
from tests.prefork.app import call
setup = os.environ["SETUP"]
if setup:
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # what it says of a collector is its own
    otel_llm.instrument(scrape_port=0)
call()
if setup == "open-stream":
    event = b'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    class Endless(httpx.SyncByteStream):
        def __iter__(self):
            return itertools.repeat(event)
    answer = lambda _: httpx.Response(200, headers={"content-type": "text/event-stream"}, stream=Endless())
    client = httpx.Client(transport=httpx.MockTransport(answer))
    url, body = "https://api.openai.com/v1/chat/completions", {"model": "m", "messages": []}
    chunks = client.send(client.build_request("POST", url, json=body), stream=True).iter_raw()
    next(chunks)
if setup == "prefork":
    pid = os.fork()
    if not pid:
        call()
        os._exit(0)
    os.waitpid(pid, 0)
print(time.monotonic(), flush=True)
"""
Collector = Callable[[], AbstractContextManager[str]]


@contextmanager
def down() -> Iterator[str]:
    """Refuses: a port that is taken, and not listened to."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextmanager
def silent() -> Iterator[str]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@contextmanager
def answering() -> Iterator[str]:
    with Receiver() as receiver:
        yield receiver.url
        assert receiver.spans, "the last export was lost"
        assert receiver.metrics


def seconds(setup: str, collector: str = "", patience: float = PATIENCE) -> float:
    """From the last line of the app to the end of its process. The monotonic clock is one for all processes."""
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector} if collector else {}
    done = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True,
        env=environment(PREFORK_APP="", SETUP=setup, OTEL_LLM_EXIT_TIMEOUT=str(patience), **endpoint),
    )  # fmt: skip
    with done:
        os.waitid(os.P_PID, done.pid, os.WEXITED | os.WNOWAIT)
        ended = time.monotonic()
        assert done.stdout is not None
        began = float(done.stdout.read())
    assert done.returncode == 0
    return ended - began


def pair(setup: str, collector: str = "") -> tuple[float, float]:
    """Ours, and the bare app's."""
    pairs = [(seconds(setup, collector), seconds("")) for _ in range(ROUNDS)]
    ours, bare = map(min, zip(*pairs, strict=True))
    return ours, bare


@pytest.mark.parametrize("setup", ["plain", "prefork", "open-stream"])
def test_an_end_that_has_nothing_to_wait_for(setup: str) -> None:
    ours, bare = pair(setup)
    assert ours < FACTOR * bare


@pytest.mark.parametrize("setup", ["plain", "prefork", "open-stream"])
def test_an_end_whose_last_export_is_answered(setup: str) -> None:
    with answering() as url:
        ours, bare = pair(setup, url)
    assert ours - bare < PATIENCE / 2


@pytest.mark.parametrize("setup", ["plain", "prefork"])
@pytest.mark.parametrize("collector", [down, silent])
def test_an_end_that_meets_a_collector_waits_as_long_as_the_setting_says(setup: str, collector: Collector) -> None:
    with collector() as url:
        bare = seconds("")
        assert PATIENCE / 2 < seconds(setup, url) - bare < 1.5 * PATIENCE
        assert seconds(setup, url, 0.0) - bare < PATIENCE / 2
