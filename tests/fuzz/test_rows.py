"""Broken, sloppy and hostile answers to every client of the behaviour matrix, sync and async, plain and streamed: what
the bare SDK does is what the app sees. In the version matrix: with each release."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from otel_llm.demo.emulator import Emulator, Reply
from tests.behaviour.rows import ROWS, Row
from tests.behaviour.scenarios import items, run, settled, shown
from tests.fuzz.corpus import AWS, CORPUS, FORMATS, JSON, LINES, SSE
from tests.telemetry import observed

pytestmark = [
    pytest.mark.filterwarnings("ignore:Inheritance class .* from ClientSession:DeprecationWarning"),  # google-genai
    pytest.mark.filterwarnings("ignore:code property is deprecated:DeprecationWarning"),  # aiohttp's errors
    pytest.mark.filterwarnings("ignore::UserWarning"),  # of pydantic, about what it was given
]

KINDS = ((200, JSON), (200, SSE), (400, JSON), (200, LINES), (404, "text/html"), (200, AWS), (200, ""))
"""Status and content type; none that makes a client wait and try again."""
NO_RETRY = {"x-should-retry": "false"}
"""What Stainless SDKs go by."""


@dataclass(frozen=True)
class Answer:
    status: int
    kind: str
    body: bytes
    cut: bool = False
    """Whether the connection breaks in the middle."""

    def reply(self) -> Reply:
        headers = {**NO_RETRY, "content-type": self.kind}
        broken = {"breaks": "cut", "after": 0} if self.cut else {}
        return Reply.raw(self.body, self.status, self.kind, headers=headers, **broken)


def joined(pieces: list[Any]) -> list[Any]:
    """What an HTTP library reads as text or bytes comes in pieces as the network cuts them: only their sum is told."""
    for kind in (str, bytes):
        if pieces and all(isinstance(piece, kind) for piece in pieces):
            return [kind().join(pieces)]
    return pieces


@dataclass(frozen=True)
class Use:
    row: Row
    sync: bool
    streamed: bool

    def __str__(self) -> str:
        return f"{self.row.name}-{'stream' if self.streamed else 'plain'}-{'sync' if self.sync else 'async'}"

    async def once(self, client: Any) -> Any:
        if not self.streamed:
            return await settled(self.row.plain(client))
        opened = await settled(self.row.stream(client))  # type: ignore[misc]
        try:
            return [type(opened), joined(await items(opened))]
        finally:
            await settled(self.row.leave(opened))

    def seen(self, answers: list[Answer]) -> list[Any]:
        """What the app gets for each: a value, or an exception with its type and words."""

        async def whole(emulator: Emulator) -> list[Any]:
            client = (self.row.sync if self.sync else self.row.asynchronous)(emulator.url)  # type: ignore[misc]
            try:
                return [await self._one(client, emulator, answer.reply()) for answer in answers]
            finally:
                await settled(client.close())

        with Emulator() as emulator:
            return run(whole(emulator), sync=self.sync)

    async def _one(self, client: Any, emulator: Emulator, reply: Reply) -> Any:
        emulator.script = lambda _: reply
        try:
            return shown(await self.once(client))
        except RecursionError as error:  # where it is raised depends on the depth of the stack
            return type(error)
        except Exception as error:
            return shown(error)

    def same(self, answers: list[Answer], content: str) -> None:
        bare = self.seen(answers)
        with observed(content=content) as telemetry:
            watched = self.seen(answers)
            assert len(telemetry.spans()) == len(answers)
        for answer, with_us, without in zip(answers, watched, bare, strict=True):
            assert repr(with_us) == repr(without), answer


USES = [
    pytest.param(Use(row, sync, streamed), id=str(Use(row, sync, streamed)))
    for row in ROWS
    for sync in (True, False)
    for streamed in (False, True)
    if (row.sync if sync else row.asynchronous) is not None
    if row.stream is not None or not streamed
]


@pytest.fixture(autouse=True)
def _unread() -> None:
    """What an SDK leaves open when it cannot read an answer is its own matter."""
    warnings.simplefilter("ignore", ResourceWarning)


@pytest.mark.parametrize("use", USES)
def test_corpus(use: Use) -> None:
    """Each body once, as another kind of answer each time; the async twin of a sync client gets every other one."""
    answers = [Answer(*KINDS[at % len(KINDS)], body) for at, body in enumerate(CORPUS + FORMATS)]
    use.same(answers if use.sync or use.row.sync is None else answers[::2], "span_and_event")


@st.composite
def mutated(draw: st.DrawFn) -> Answer:
    """A good answer with some bytes lost, doubled or changed."""
    body = draw(st.sampled_from(FORMATS))
    at, size = draw(st.integers(0, len(body))), draw(st.integers(0, 40))
    piece = draw(st.one_of(st.just(b""), st.just(body[at : at + size] * 2), st.binary(max_size=8)))
    return Answer(*draw(st.sampled_from(KINDS)), body[:at] + piece + body[at + size :])


@pytest.mark.parametrize("use", USES)
@seed(1)
@settings(
    max_examples=1, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(answers=st.lists(mutated(), min_size=20, max_size=20))
def test_mutated(use: Use, answers: list[Answer]) -> None:
    use.same(answers, "no_content")


@pytest.mark.parametrize("use", [use for use in USES if use.values[0].streamed])  # type: ignore[attr-defined]
def test_cut(use: Use) -> None:
    """Streams of all formats whose connection breaks in the middle."""
    if use.row.client in ("botocore", "aiobotocore", "google-genai", "huggingface_hub"):
        kinds = (AWS,) if "botocore" in use.row.client else (SSE,)
    else:
        kinds = (SSE, LINES)
    use.same([Answer(200, kind, body, cut=True) for kind in kinds for body in FORMATS[-6:]], "span_only")
