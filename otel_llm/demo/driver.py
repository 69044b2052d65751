"""Runs jobs through the SDKs: some threads with sync clients and one event loop with async ones, at a steady rate."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from typing import Final

from otel_llm.demo.emulator import CALL_HEADER, Emulator, Received, Reply
from otel_llm.demo.job import Job
from otel_llm.demo.sdk import AsyncClients, Clients

THREADS: Final = 6
TASKS: Final = 6
_JOIN_TIMEOUT: Final = 20.0
"""Seconds that open calls get to end; no job of a scenario takes that long."""
_SURPRISES_CAP: Final = 20
_PLANS_KEPT: Final = 1000
"""Calls whose replies are known: a request may arrive after its call timed out on a busy machine."""


class Driver:
    """Takes jobs from one iterator until it ends or :meth:`stop` is called. At most ``THREADS + TASKS`` calls are
    open at a time."""

    def __init__(self, emulator: Emulator, jobs: Iterator[Job], *, rate: float) -> None:
        """``rate`` is in calls per second, an upper bound."""
        self._emulator = emulator
        self._jobs = jobs
        self._gap = 1 / rate
        self._clients = Clients(emulator.url)
        self._next_start = 0.0
        self._ids = itertools.count()
        self._plans: dict[str, list[Reply]] = {}
        self._arrivals: dict[str, Callable[[], object]] = {}
        self._waiting: dict[bool, list[Job]] = {False: [], True: []}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._threads = [threading.Thread(target=self._work, name=f"demo-{at}", daemon=True) for at in range(THREADS)]
        self._threads.append(threading.Thread(target=self._loop, name="demo-async", daemon=True))
        self.done = 0
        """Calls that ended."""
        self.surprises: list[str] = []
        """Exceptions of jobs that should have had none, and answers of jobs that should have failed."""
        emulator.script = self._decide

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    @property
    def running(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def stop(self) -> bool:
        """Lets open calls end and begins no more. False if some did not end in time."""
        self._stopped.set()
        return self.join()

    def join(self) -> bool:
        """Waits for the end. False if some calls did not end in time."""
        deadline = time.monotonic() + _JOIN_TIMEOUT
        for thread in filter(threading.Thread.is_alive, self._threads):
            thread.join(max(0.0, deadline - time.monotonic()))
        if self.running:
            return False
        self._clients.close()
        return True

    # ---------------------------------------------------------------------------------------- the provider's side
    def _decide(self, asked: Received) -> Reply:
        call_id = asked.headers[CALL_HEADER]
        plan = self._plans[call_id]
        if arrived := self._arrivals.get(call_id):
            arrived()
        return plan.pop(0) if len(plan) > 1 else plan[0]

    # --------------------------------------------------------------------------------------------- the app's side
    def _take(self, *, asynchronous: bool) -> tuple[Job, str, float] | None:
        """The next job, its call id and the seconds to wait before it; ``None`` at the end."""
        with self._lock:
            if self._stopped.is_set() or (job := self._fitting(asynchronous)) is None:
                return None
            number = next(self._ids)
            call_id = f"call-{number}"
            self._plans[call_id] = list(job.replies)
            self._plans.pop(f"call-{number - _PLANS_KEPT}", None)
            now = time.monotonic()
            start = self._next_start = max(now, self._next_start + self._gap)
            return job, call_id, start - now

    def _fitting(self, asynchronous: bool) -> Job | None:
        """The next job that fits; one that fits the other side alone is left to it, and taken there first."""
        waiting = self._waiting[asynchronous]
        if waiting:
            return waiting.pop(0)
        for job in self._jobs:
            if job.asynchronous in (None, asynchronous):
                return job
            self._waiting[not asynchronous].append(job)
        return None

    def _work(self) -> None:
        while taken := self._take(asynchronous=False):
            job, call_id, wait = taken
            self._stopped.wait(wait)
            try:
                self._clients.call(job, call_id)
                self._ended(job, None)
            except Exception as error:
                self._ended(job, error)

    def _loop(self) -> None:
        asyncio.run(self._work_async())

    async def _work_async(self) -> None:
        clients = AsyncClients(self._emulator.url)
        await asyncio.gather(*(self._task(clients) for _ in range(TASKS)))
        await clients.close()

    async def _task(self, clients: AsyncClients) -> None:
        while taken := self._take(asynchronous=True):
            job, call_id, wait = taken
            await asyncio.sleep(wait)
            try:
                await (self._cancel(clients, job, call_id) if job.cancels else clients.call(job, call_id))
                self._ended(job, None)
            except Exception as error:
                self._ended(job, error)

    async def _cancel(self, clients: AsyncClients, job: Job, call_id: str) -> None:
        """Makes the call and cancels it when the provider has received it, so that both sides know of it."""
        received, loop = asyncio.Event(), asyncio.get_running_loop()
        self._arrivals[call_id] = lambda: loop.call_soon_threadsafe(received.set)
        call = asyncio.create_task(clients.call(job, call_id))
        try:
            await asyncio.wait_for(received.wait(), job.timeout)
        finally:
            del self._arrivals[call_id]
            call.cancel()
            await asyncio.wait([call])
        if not call.cancelled():
            raise RuntimeError("the call did not let itself be cancelled")

    def _ended(self, job: Job, error: Exception | None) -> None:
        with self._lock:
            self.done += 1
            if (error is not None) != job.fails and len(self.surprises) < _SURPRISES_CAP:
                self.surprises.append(f"{job.api} {job.model}: {error!r}")
