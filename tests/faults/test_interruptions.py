"""Things that come from the side: signals, finalisers inside of locks, the end of the interpreter, other schedulers."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import httpx2
import openai
import pytest

from otel_llm import catalog, guard
from otel_llm.demo.emulator import Emulator, Reply
from tests.behaviour.rows import CHAT
from tests.faults.conftest import LIMIT, App, bounded
from tests.telemetry import Telemetry, until


def test_a_signal_handler_that_calls(app: App, telemetry: Telemetry) -> None:
    """It interrupts the thread wherever it is, in the middle of our locks, too."""
    seen: list[Any] = []
    ledger = _ledger()

    def handler(*_: Any) -> None:
        seen.append(app.client.chat.completions.create(**CHAT))

    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with ledger.lock:
            os.kill(os.getpid(), signal.SIGUSR1)
            until(lambda: seen)
        timer = threading.Timer(0.0, lambda: os.kill(os.getpid(), signal.SIGUSR1))
        timer.start()
        app.client.chat.completions.create(**CHAT)
        timer.join()
        until(lambda: len(seen) == 2)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert all(answer.choices for answer in seen)
    assert telemetry.value(catalog.CALLS) == 3


def _ledger() -> Any:
    from otel_llm import runtime

    active = runtime.current()
    assert active is not None
    return active.recorder.ledger


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same-thread", "other-thread"])
def test_a_finaliser_inside_the_ledgers_lock(app: App, telemetry: Telemetry, elsewhere: bool) -> None:
    """The collector runs where something is allocated: while our lock is held, by this thread or by another."""
    opened = app.client.chat.completions.create(**CHAT, stream=True)
    next(iter(opened))
    ring: list[Any] = [opened]
    ring.append(ring)
    del opened, ring
    lock = _ledger().lock

    def collect() -> bool:
        return gc.collect() >= 0

    with lock:
        assert bounded(collect) if elsewhere else collect()
    until(lambda: [span.outcome for span in telemetry.spans()] == ["abandoned"])
    assert telemetry.value(catalog.INFLIGHT) == 0


EVENT = b'data: {"id":"c","model":"gpt-4o","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}\n\n'


class Endless(httpx2.SyncByteStream, httpx2.AsyncByteStream):
    """A body of events for both kinds of client, without a socket."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield EVENT

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            yield EVENT


TRANSPORT = httpx2.MockTransport(
    lambda _: httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=Endless())
)
DROPPED = 2_000
"""Streams that one garbage collection finds: twice the interpreter's recursion limit."""
ROUNDS = 20


def test_many_streams_in_one_collection(telemetry: Telemetry) -> None:
    with openai.OpenAI(api_key="k", http_client=httpx2.Client(transport=TRANSPORT)) as client:
        gc.disable()
        try:
            for _ in range(DROPPED):
                next(iter(client.chat.completions.create(**CHAT, stream=True)))
        finally:
            gc.enable()
        gc.collect()
        client.chat.completions.create(**CHAT, stream=True).close()
    _all_abandoned(telemetry)


async def test_many_async_streams_in_one_collection(telemetry: Telemetry) -> None:
    async with openai.AsyncOpenAI(api_key="k", http_client=httpx2.AsyncClient(transport=TRANSPORT)) as client:
        gc.disable()
        try:
            for _ in range(DROPPED):
                await anext(aiter(await client.chat.completions.create(**CHAT, stream=True)))
        finally:
            gc.enable()
        await (await client.chat.completions.create(**CHAT, stream=True)).close()
        for _ in range(ROUNDS):
            gc.collect()
            for _ in range(ROUNDS):  # the event loop closes the generators that the collector found, in tasks
                await asyncio.sleep(0)
            if telemetry.value(catalog.INFLIGHT) == 0:
                break
    _all_abandoned(telemetry)


def _all_abandoned(telemetry: Telemetry) -> None:
    assert telemetry.value(catalog.CALLS, outcome="abandoned") == DROPPED + 1
    assert telemetry.value(catalog.INFLIGHT) == 0
    assert len(telemetry.spans()) == DROPPED + 1
    telemetry.clean()
    assert [site.name for site in guard._sites.values() if site.open] == []


def test_threads_share_a_client(app: App, telemetry: Telemetry) -> None:
    def work() -> list[Any]:
        answers: list[Any] = []
        threads = [threading.Thread(target=lambda: answers.append(app.run())) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return answers

    answers = bounded(work)
    assert len(answers) == 16
    assert all(answer == answers[0] for answer in answers)
    assert telemetry.value(catalog.CALLS) == 32


async def test_tasks_that_are_cancelled_in_every_step(emulator: Emulator, telemetry: Telemetry) -> None:
    async with openai.AsyncOpenAI(base_url=emulator.url + "/v1", api_key="k", max_retries=0) as client:
        for steps in range(0, 40, 4):
            task = asyncio.ensure_future(client.chat.completions.create(**CHAT))
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError):  # it may be done already
                await task
    assert telemetry.value(catalog.INFLIGHT) == 0
    assert {span.outcome for span in telemetry.spans()} <= {"cancelled", "success"}


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_trio(emulator: Emulator, telemetry: Telemetry) -> None:
    import trio

    async def work() -> list[Any]:
        async with openai.AsyncOpenAI(
            base_url=emulator.url + "/v1", api_key="k", http_client=httpx2.AsyncClient()
        ) as client:
            await client.chat.completions.create(**CHAT)
            with trio.move_on_after(0.01):
                emulator.reply(Reply.broken("stall"))
                await client.chat.completions.create(**CHAT)
            return [chunk async for chunk in await client.chat.completions.create(**CHAT, stream=True)]

    assert trio.run(work)
    assert sorted(span.outcome for span in telemetry.spans()) == ["cancelled", "success", "success"]
    assert telemetry.value(catalog.INFLIGHT) == 0


PROGRAM = """
import sys, {before}
import otel_llm, openai
otel_llm.instrument(scrape="on", scrape_port=0)
client = openai.OpenAI(base_url=sys.argv[1] + "/v1", api_key="k")
ask = lambda **more: client.chat.completions.create(
    model="gpt-4o", messages=[{{"role": "user", "content": "hi"}}], **more)
{program}
"""
EXITS = {
    "open-stream": ("stream = ask(stream=True); next(iter(stream)); print('done')", 0),
    "open-in-thread": (
        (
            "import threading\n"
            "def work():\n"
            "    global stream\n"
            "    stream = ask(stream=True); next(iter(stream))\n"
            "t = threading.Thread(target=work); t.start(); t.join(); print('done')"
        ),
        0,
    ),
    "open-in-cycle": (
        (
            "stream = ask(stream=True); next(iter(stream))\n"
            "ring = [stream]; ring.append(ring); del stream, ring; print('done')"
        ),
        0,
    ),
    "system-exit": ("stream = ask(stream=True); next(iter(stream)); print('done'); sys.exit(3)", 3),
    "exit-in-loop": ("for chunk in ask(stream=True):\n    print('done'); raise SystemExit(4)", 4),
    "open-generator": (
        "def read():\n    yield from ask(stream=True)\nfound = read(); next(found); print('done')",
        0,
    ),
    "async": (
        (
            "import asyncio\n"
            "async def main():\n"
            "    c = openai.AsyncOpenAI(base_url=sys.argv[1] + '/v1', api_key='k')\n"
            "    asked = {'model': 'gpt-4o', 'messages': [{'role': 'user', 'content': 'hi'}]}\n"
            "    stream = await c.chat.completions.create(**asked, stream=True)\n"
            "    await anext(aiter(stream)); print('done')\n"
            "asyncio.run(main())"
        ),
        0,
    ),
}
"""Programs that end with a stream open, and their exit codes."""


def _run(program: str, emulator: Emulator, before: str = "os") -> subprocess.CompletedProcess[str]:
    text = PROGRAM.format(before=before, program=program)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "PYTHONWARN"))}
    return subprocess.run(
        [sys.executable, "-c", text, emulator.url], capture_output=True, text=True, timeout=LIMIT * 3, check=False,
        env=environ,
    )  # fmt: skip


@pytest.mark.parametrize(("program", "code"), EXITS.values(), ids=EXITS)
def test_the_interpreter_ends_with_open_streams(program: str, code: int, emulator: Emulator) -> None:
    emulator.reply(Reply.broken("stall", after=2, text="one two three four"))
    ended = _run(program, emulator)
    assert (ended.stdout, ended.returncode) == ("done\n", code), ended.stderr
    assert "otel" not in ended.stderr.lower()


def test_gevent(emulator: Emulator) -> None:
    program = (
        "import gevent\n"
        "jobs = [gevent.spawn(lambda: list(ask(stream=True))) for _ in range(10)]\n"
        "jobs += [gevent.spawn(ask) for _ in range(10)]\n"
        "gevent.joinall(jobs, timeout=20, raise_error=True)\n"
        "from prometheus_client import generate_latest\n"
        "text = generate_latest().decode()\n"
        "print(sum(float(l.split()[-1]) for l in text.splitlines() if l.startswith('otel_llm_calls_total')))"
    )
    ended = _run(program, emulator, "gevent.monkey; gevent.monkey.patch_all(); sys.modules['trio'] = None; import os")
    assert (ended.stdout, ended.returncode) == ("20.0\n", 0), ended.stderr
