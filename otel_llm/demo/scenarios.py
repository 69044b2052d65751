"""What happens to the demo's app: calm, and the incidents that the pack has panels and alerts for.

A scenario makes jobs for as long as it is asked; :data:`COURSE` puts all of them in a row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Final

import msgspec

from otel_llm.demo import traffic
from otel_llm.demo.emulator import Limit, Reply, Tool, Usage
from otel_llm.demo.job import Job

Jobs = Callable[[Random], Iterator[Job]]


class Scenario(msgspec.Struct, frozen=True):
    """One kind of weather."""

    name: str
    help: str
    jobs: Jobs


def normal(random: Random) -> Iterator[Job]:
    while True:
        yield traffic.job(random)


def _mixed(random: Random, share: float, incident: Callable[[Random, Job], Job]) -> Iterator[Job]:
    """Ordinary traffic of which a share is changed; the incident returns a job as it is where it does not apply."""
    for job in normal(random):
        yield incident(random, job) if random.random() < share else job


def _storm(random: Random, job: Job) -> Job:
    """OpenAI's limit is used up: most calls get through after retries, some do not."""
    if job.api == "message":
        return job
    limits = {"requests": Limit(500, 0), "tokens": Limit(200_000, random.randint(0, 9_000))}
    refused = Reply.error("rate_limit", retry_after=random.uniform(0.02, 0.06), limits=limits)
    tries = random.choices((1, 2, 3), weights=(5, 3, 2))[0]
    answered = (job.replies[0].but(limits=limits),) if tries < 3 else ()
    return _with(job, *[refused] * tries, *answered)


def _outage(random: Random, job: Job) -> Job:
    """Anthropic is overloaded, errs, drops connections, and stops in the middle of streams."""
    if job.api != "message":
        return job
    kind = random.choices(("overloaded", "provider", "cut", "stream"), weights=(5, 3, 1, 1))[0]
    if kind == "cut":
        return _with(job, Reply.broken("cut"), retries=0)
    if kind == "stream" and job.stream:
        return _with(job, Reply.error("overloaded", after=2, usage=job.replies[0].usage))
    return _with(job, Reply.error("provider" if kind == "provider" else "overloaded", retry_after=0.02))


def _slow(random: Random, job: Job) -> Job:
    """Streams keep users waiting for the first token; some calls run into the app's time-out."""
    if random.random() < 0.15:
        return _with(job, Reply.broken("stall"), retries=0, timeout=0.5)
    wait = random.uniform(0.6, 1.6)
    return _with(job, *[reply.but(first_delay=wait, delay=0.0 if job.stream else wait) for reply in job.replies])


def _dear(random: Random, job: Job) -> Job:
    """A batch job feeds whole books to the dearest model."""
    usage = Usage(input=random.randint(120_000, 190_000), output=random.randint(4_000, 9_000))
    reply = traffic.answer(random, "message").but(usage=usage)
    return Job(api="message", model="claude-opus-5", prompt=job.prompt, replies=(reply,))


def _poor(random: Random, job: Job) -> Job:
    """Answers are cut by a limit that is too low, empty, filtered or refused; tools get broken arguments."""
    if job.api == "embedding":
        return job
    good, kind = job.replies[0], random.choices(("length", "empty", "filter", "refusal", "tool"), (6, 1, 1, 1, 1))[0]
    if kind == "tool" and job.api in ("chat", "message"):
        broken = good.but(tools=(Tool("search", '{"query": '),), finish="tool_call")
        return _with(msgspec.structs.replace(job, tools=("search",)), broken)
    poor = {
        "length": good.but(finish="length"), "empty": good.but(text=""), "filter": good.but(finish="content_filter"),
        "refusal": good.but(text="I can't help with that.", refusal=True),
    }.get(kind, good)  # fmt: skip
    return msgspec.structs.replace(_with(job, poor), max_tokens=64)


def _with(job: Job, *replies: Reply, retries: int | None = None, timeout: float | None = None) -> Job:
    return msgspec.structs.replace(
        job, replies=replies, retries=job.retries if retries is None else retries, timeout=timeout or job.timeout
    )


SCENARIOS: Final[Mapping[str, Scenario]] = {
    scenario.name: scenario
    for scenario in (
        Scenario("normal", "ordinary traffic", normal),
        Scenario("storm", "429 storm: OpenAI's rate limit is used up", lambda random: _mixed(random, 0.7, _storm)),
        Scenario("outage", "Anthropic is down", lambda random: _mixed(random, 0.9, _outage)),
        Scenario("slow", "slow first token, some time-outs", lambda random: _mixed(random, 0.5, _slow)),
        Scenario("spike", "a batch job spends money", lambda random: _mixed(random, 0.3, _dear)),
        Scenario("truncated", "cut, empty, filtered answers", lambda random: _mixed(random, 0.5, _poor)),
    )
}

COURSE: Final = (
    ("normal", 0.22), ("storm", 0.14), ("outage", 0.16), ("slow", 0.13), ("truncated", 0.1), ("spike", 0.2),
    ("normal", 0.05),
)  # fmt: skip
"""The scenario ``all``: each one's share of the time. The spike stands late, since its alert compares with what the
demo spent before."""
