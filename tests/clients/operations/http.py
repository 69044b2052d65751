"""HTTP libraries alone: the host, or path and body, tell that it is a call."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from tests.clients.operations import answers
from tests.clients.operations.answers import Answer
from tests.clients.operations.operation import ASK, Operation

BODY: Any = {"model": "m", "messages": ASK}
CALLS: dict[str, tuple[str, Any, Answer, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", BODY, answers.CHAT, {}),
    "chat stream": ("/v1/chat/completions", {**BODY, "stream": True}, answers.CHAT_STREAM, {"stream": True}),
    "messages": ("/v1/messages", {**BODY, "max_tokens": 64}, answers.MESSAGE, {"provider": "anthropic"}),
    "responses": ("/v1/responses", {"model": "m", "input": "x"}, answers.RESPONSE, {}),
    "embeddings": (
        "/v1/embeddings", {"model": "m", "input": "x"}, answers.EMBEDDINGS,
        {"kind": "embeddings", "tokens": (11, None), "finish": ()},
    ),
}  # fmt: skip


class Posting:
    """A library's ``post`` at a base URL."""

    def __init__(self, url: str, post: Callable[..., Any]) -> None:
        self._url = url
        self._post = post

    def __call__(self, path: str, body: Any) -> Any:
        return self._post(self._url + path, body)


def httpx(library: str) -> Callable[[str], Any]:
    def post(url: str, body: Any) -> Any:
        with import_module(library).Client() as client, client.stream("POST", url, json=body) as response:
            return list(response.iter_lines())

    return lambda url: Posting(url, post)


def async_httpx(library: str) -> Callable[[str], Any]:
    async def post(url: str, body: Any) -> Any:
        async with (
            import_module(library).AsyncClient() as client,
            client.stream("POST", url, json=body) as response,
        ):
            return [line async for line in response.aiter_lines()]

    return lambda url: Posting(url, post)


def requests(url: str) -> Any:
    def post(url: str, body: Any) -> Any:
        with import_module("requests").post(url, json=body, stream=True) as response:
            return list(response.iter_content(None))

    return Posting(url, post)


def aiohttp(url: str) -> Any:
    async def post(url: str, body: Any) -> Any:
        async with (
            import_module("aiohttp").ClientSession() as session,
            session.post(url, json=body) as response,
        ):
            return [line async for line in response.content]

    return Posting(url, post)


LIBRARIES: dict[str, tuple[Any, Any]] = {
    "httpx": (httpx("httpx"), async_httpx("httpx")),
    "httpx2": (httpx("httpx2"), async_httpx("httpx2")),
    "requests": (requests, None),
    "aiohttp": (None, aiohttp),
}

OPERATIONS = tuple(
    Operation(
        sdk=library, client="http", name=name, sync=sync, asynchronous=asynchronous, answer=answer,
        call=lambda post, path=path, body=body: post(path, body), **{"provider": "openai", **rest},
    )
    for library, (sync, asynchronous) in LIBRARIES.items()
    for name, (path, body, answer, rest) in CALLS.items()
)  # fmt: skip
