from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import requests

from tests.behaviour.row import CHAT
from tests.behaviour.sdks.posting import PATH, STREAM, Refused, row


class Client(requests.Session):
    """A session, and the URL that it posts to."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.url = url + PATH

    def chat(self) -> Any:
        answer = self.post(self.url, json=CHAT, timeout=5)
        if not answer.ok:
            raise Refused(answer.status_code)
        return answer.json()

    def chunks(self) -> Iterator[bytes]:
        with self.post(self.url, json=STREAM, stream=True, timeout=5) as answer:
            yield from answer.iter_content(chunk_size=None)


ROWS = (row("requests-chat", Client),)
