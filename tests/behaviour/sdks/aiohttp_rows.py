from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from tests.behaviour.row import CHAT
from tests.behaviour.sdks.posting import PATH, STREAM, Refused, row


class Client:
    def __init__(self, url: str) -> None:
        self._session = aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(5))

    async def chat(self) -> Any:
        async with self._session.post(PATH, json=CHAT) as answer:
            if not answer.ok:
                raise Refused(answer.status)
            return await answer.json()

    async def chunks(self) -> AsyncIterator[bytes]:
        async with self._session.post(PATH, json=STREAM) as answer:
            while data := await answer.content.readuntil(b"\n\n"):  # by event: what has arrived is up to the network
                yield data

    async def close(self) -> None:
        await self._session.close()


ROWS = (row("aiohttp-chat", asynchronous=Client),)
