"""A job as a call of the real SDK. The one module of otel-llm that imports vendor SDKs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import otel_llm
from otel_llm.demo.emulator import CALL_HEADER, FEATURE_HEADER, FEATURE_KEY
from otel_llm.demo.job import FEATURES, Api, Job

_METHODS: Final[dict[Api, tuple[str, str]]] = {
    "chat": ("openai", "chat.completions.create"),
    "completion": ("openai", "completions.create"),
    "response": ("openai", "responses.create"),
    "embedding": ("openai", "embeddings.create"),
    "message": ("anthropic", "messages.create"),
}
"""SDK and method of its client."""

_JSON: Final[dict[Api, dict[str, Any]]] = {
    "chat": {"response_format": {"type": "json_object"}},
    "response": {"text": {"format": {"type": "json_object"}}},
    "message": {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}},
}
"""How each API is asked for JSON."""


class Clients:
    """One client per SDK, shared by all threads. SDK classes are typed loosely: their majors differ."""

    def __init__(self, url: str) -> None:
        import anthropic
        import openai

        self._clients: dict[str, Any] = {
            "openai": openai.OpenAI(base_url=f"{url}/v1", api_key="sk-demo"),
            "anthropic": anthropic.Anthropic(base_url=url, api_key="sk-demo"),
        }

    def call(self, job: Job, call_id: str) -> None:
        """Makes the call and reads the answer as an app would. Raises what the SDK raises."""
        with otel_llm.attribution(**{FEATURE_KEY: FEATURES[job.api]}):
            answer = _method(self._clients, job)(**_arguments(job, call_id))
        if not job.stream:
            return
        with answer:
            for read, _ in enumerate(answer, 1):
                if read == job.leave_after:
                    break

    def close(self) -> None:
        for client in self._clients.values():
            client.close()


class AsyncClients:
    """The same for asyncio."""

    def __init__(self, url: str) -> None:
        import anthropic
        import openai

        self._clients: dict[str, Any] = {
            "openai": openai.AsyncOpenAI(base_url=f"{url}/v1", api_key="sk-demo"),
            "anthropic": anthropic.AsyncAnthropic(base_url=url, api_key="sk-demo"),
        }

    async def call(self, job: Job, call_id: str) -> None:
        """Makes the call and reads the answer. Raises what the SDK raises."""
        with otel_llm.attribution(**{FEATURE_KEY: FEATURES[job.api]}):
            answer = await _method(self._clients, job)(**_arguments(job, call_id))
        if not job.stream:
            return
        async with answer:
            read = 0
            async for _ in answer:
                read += 1
                if read == job.leave_after:
                    break

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()


def _method(clients: dict[str, Any], job: Job) -> Callable[..., Any]:
    sdk, path = _METHODS[job.api]
    found = clients[sdk].with_options(max_retries=job.retries)
    for name in path.split("."):
        found = getattr(found, name)
    return found


def _arguments(job: Job, call_id: str) -> dict[str, Any]:
    shared: dict[str, Any] = {
        "model": job.model, "extra_headers": {CALL_HEADER: call_id, FEATURE_HEADER: FEATURES[job.api]},
        "timeout": job.timeout, **(_JSON.get(job.api, {}) if job.json else {}),
    }  # fmt: skip
    if job.stream:
        shared["stream"] = True
    messages = [{"role": "user", "content": job.prompt}]
    if job.api == "embedding":
        return {**shared, "input": job.prompt}
    if job.api == "message":
        tools = [{"name": name, "input_schema": {"type": "object"}} for name in job.tools]
        return {**shared, "messages": messages, "max_tokens": job.max_tokens, **({"tools": tools} if tools else {})}
    if job.api == "response":
        return {**shared, "input": job.prompt, "max_output_tokens": job.max_tokens}
    if job.stream and job.usage:
        shared["stream_options"] = {"include_usage": True}
    if job.api == "completion":
        return {**shared, "prompt": job.prompt, "max_tokens": job.max_tokens}
    tools = [{"type": "function", "function": {"name": name, "parameters": {"type": "object"}}} for name in job.tools]
    return {
        **shared,
        "messages": messages,
        "max_completion_tokens": job.max_tokens,
        **({"tools": tools} if tools else {}),
    }
