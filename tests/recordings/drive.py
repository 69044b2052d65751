"""Recorded exchanges through the real SDKs: how each API is called, and what the call must state."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from tests.behaviour.rows import installed, wanted
from tests.formats.recordings import Json

SDKS = {"openai": "openai", "azure.openai": "openai", "anthropic": "anthropic"}
"""Providers of the recordings whose exchanges are driven here, and their SDK; the others': ``drivers``."""
PROVIDERS = tuple(provider for provider, sdk in SDKS.items() if installed(sdk) and wanted(sdk))
"""Those whose SDK is here."""

OUT_OF_SCOPE = {
    "openai.assistants": "assistants: objects kept at the provider, no inference in the exchange",
    "openai.threads": "threads: likewise",
    "openai.threads.messages": "messages of a thread: likewise",
    "openai.threads.runs": "runs: inference goes on after the exchange, which is polled",
    "openai.threads.runs.submit": "runs: likewise",
    "openai.images": "images: no tokens of text, no conventions for it that we emit",
    "openai.audio_speech": "audio: likewise",
    "openai.audio_transcriptions": "audio: likewise",
}
"""APIs that are no call of ours, and why."""

Method = Callable[..., Any]


def _complete(client: Any) -> Method:
    """Anthropic's legacy completions: anthropic 2 has no method for them, but its ``post`` reaches any path."""

    def create(*, extra_body: Mapping[str, Any], stream: bool = False) -> Any:
        body = {**extra_body, "stream": stream}
        kind = import_module("anthropic").Stream[object] if stream else None
        return client.post("/v1/complete", cast_to=object, body=body, stream=stream, stream_cls=kind)

    return create


METHODS: dict[str, Callable[[Any], Method]] = {
    "openai.chat_completions": lambda client: client.chat.completions.create,
    "openai.completions": lambda client: client.completions.create,
    "openai.responses": lambda client: client.responses.create,
    "openai.embeddings": lambda client: client.embeddings.create,
    "anthropic.messages": lambda client: client.messages.create,
    "anthropic.complete": _complete,
}
"""The SDK's method for each API."""

ASK = [{"role": "user", "content": "Not recorded."}]
UNRECORDED: dict[str, Mapping[str, Any]] = {
    "openai.chat_completions": {"messages": ASK},
    "anthropic.messages": {"messages": ASK, "max_tokens": 1024},
}
"""Bodies for exchanges whose request was not recorded, besides the model."""
UNRECORDED_MODEL = "not-recorded"


def called(method: Method, body: Mapping[str, Any]) -> Any:
    """Calls an SDK's method with the recorded fields that it knows; the others go beside them."""
    known = inspect.signature(method).parameters
    keywords = {key: value for key, value in body.items() if key in known}
    rest = {key: value for key, value in body.items() if key not in known}
    return method(**keywords, extra_body=rest or None)


class Driver:
    """Calls the SDKs with the recorded requests. Clients are kept: they share their connections."""

    def __init__(self, url: str) -> None:
        self._url = url
        options = {"api_key": "k", "max_retries": 0}
        self._clients: dict[str, Any] = {}
        if "openai" in PROVIDERS:
            openai = import_module("openai")
            self._clients["openai"] = openai.OpenAI(base_url=url, **options)
            self._clients["azure.openai"] = openai.AzureOpenAI(azure_endpoint=url, api_version="2024-10-21", **options)
        if "anthropic" in PROVIDERS:
            self._clients["anthropic"] = import_module("anthropic").Anthropic(base_url=url, **options)
        self._errors = tuple(import_module(SDKS[provider]).APIError for provider in PROVIDERS)

    def close(self) -> None:
        for client in self._clients.values():
            client.close()

    def drive(self, exchange: Json, expected: Json) -> BaseException | None:
        """One exchange, its stream read to the end; returns what the SDK raised."""
        body = exchange["request_body"] or {
            "model": UNRECORDED_MODEL,
            "stream": exchange["is_stream"],
            **UNRECORDED[exchange["api"]],
        }
        method = METHODS[exchange["api"]](self._client(exchange, expected))
        try:
            answer = called(method, body)
            if exchange["is_stream"]:
                list(answer)
        except self._errors as error:
            return error
        return None

    def _client(self, exchange: Json, expected: Json) -> Any:
        path = {
            "openai": "/v1",
            "azure.openai": f"/openai/deployments/{expected.get('request_deployment')}",
            "anthropic": "",
        }[exchange["provider"]]
        client = self._clients[exchange["provider"]]
        return client.with_options(base_url=f"{self._url}/@id:{exchange['id']}{path}")
