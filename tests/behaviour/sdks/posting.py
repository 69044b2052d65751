"""HTTP libraries alone, as an app uses them that has no SDK: a client of each with the same two methods."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

from tests.behaviour.row import CHAT, USAGE, Row

PATH = "/v1/chat/completions"
STREAM = {**CHAT, **USAGE}


class Refused(Exception):
    """The server's answer was an error."""


class Posting:
    """httpx or httpx2, sync."""

    def __init__(self, library: Any, url: str) -> None:
        self._client = library.Client(base_url=url, timeout=5)

    def chat(self) -> Any:
        answer = self._client.post(PATH, json=CHAT)
        if answer.status_code >= 400:
            raise Refused(answer.status_code)
        return answer.json()

    def chunks(self) -> Iterator[str]:
        with self._client.stream("POST", PATH, json=STREAM) as answer:
            yield from answer.iter_text()

    def close(self) -> None:
        self._client.close()


class AsyncPosting:
    """httpx or httpx2, async."""

    def __init__(self, library: Any, url: str) -> None:
        self._client = library.AsyncClient(base_url=url, timeout=5)

    async def chat(self) -> Any:
        answer = await self._client.post(PATH, json=CHAT)
        if answer.status_code >= 400:
            raise Refused(answer.status_code)
        return answer.json()

    async def chunks(self) -> AsyncIterator[str]:
        async with self._client.stream("POST", PATH, json=STREAM) as answer:
            async for text in answer.aiter_text():
                yield text

    async def close(self) -> None:
        await self._client.aclose()


def row(name: str, sync: Any = None, asynchronous: Any = None, **rest: Any) -> Row:
    return Row(
        name=name,
        client="http",
        provider="openai",
        model="gpt-4o",
        sync=sync,
        asynchronous=asynchronous,
        plain=lambda c: c.chat(),
        stream=lambda c: c.chunks(),
        leave=lambda stream: stream.aclose() if hasattr(stream, "aclose") else stream.close(),
        retries=False,
        lazy=True,
        async_lazy=asynchronous is not None,
        **rest,
    )
