"""OpenAI chat completions and legacy completions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from otel_llm.demo.emulator import openai_api
from otel_llm.demo.emulator.received import Received
from otel_llm.demo.emulator.reply import Reply, Usage
from otel_llm.demo.emulator.wire import CREATED, Event, Failure, arguments, sse


class OpenAICompletions:
    """What both have in common; subclasses say what a choice looks like."""

    stream_type = "text/event-stream; charset=utf-8"
    kind: str
    """``object`` of an answer."""
    chunk_kind: str
    """``object`` of a chunk."""
    prefix: str
    """Of the answer's id."""

    def __init__(self, operation: Literal["chat", "text_completion"], provider: str = "openai") -> None:
        self.operation = operation
        self.provider = provider

    def choice(self, reply: Reply, index: int) -> dict[str, Any]:
        raise NotImplementedError

    def deltas(self, reply: Reply, index: int) -> Iterator[tuple[dict[str, Any], bool]]:
        """Choices of a stream's chunks, and whether each is an output chunk."""
        raise NotImplementedError

    def body(self, reply: Reply, asked: Received) -> Mapping[str, Any]:
        answer = self._head(reply, asked, self.kind)
        answer["choices"] = [self.choice(reply, index) for index in range(asked.choices)]
        if reply.usage is not None:
            answer["usage"] = usage(reply.usage)
        return answer

    def events(self, reply: Reply, asked: Received) -> Iterator[Event]:
        head = self._head(reply, asked, self.chunk_kind)
        wanted = self.streams_usage(asked) and reply.usage is not None
        nothing = {"usage": None} if wanted else {}
        for index in range(asked.choices):
            for choice, output in self.deltas(reply, index):
                yield Event(sse({**head, "choices": [choice], **nothing}), output)
        if wanted and reply.usage is not None:
            yield Event(sse({**head, "choices": [], "usage": usage(reply.usage)}))
        if reply.terminator:
            yield Event(sse(b"[DONE]"))

    def streams_usage(self, asked: Received) -> bool:
        """Whether a stream ends with its usage."""
        return includes_usage(asked)

    def failure(self, reply: Reply, asked: Received) -> Failure:
        failure = openai_api.failure(reply)
        billed = {"usage": usage(reply.usage)} if reply.bills and reply.usage is not None else {}
        return failure._replace(body={**failure.body, **billed})

    def failure_event(self, reply: Reply, asked: Received) -> bytes:
        return sse({"error": openai_api.error(reply, streamed=True)})

    def headers(self, reply: Reply, asked: Received) -> Mapping[str, str]:
        return openai_api.headers(reply, asked)

    def stated(self, reply: Reply, asked: Received, *, broken: bool) -> Usage | None:
        """Usage is the last chunk of a stream, and comes only if it was asked for."""
        if broken or (asked.streams and not self.streams_usage(asked)):
            return None
        return reply.usage

    def finishes(self, reply: Reply, asked: Received) -> list[str]:
        return [reply.finish] * asked.choices

    def _head(self, reply: Reply, asked: Received, kind: str) -> dict[str, Any]:
        head: dict[str, Any] = {
            "id": f"{self.prefix}-{asked.number:08d}", "object": kind, "created": CREATED,
            "model": reply.model or asked.model, "system_fingerprint": "fp_demo",
        }  # fmt: skip
        return head if reply.tier is None else {**head, "service_tier": reply.tier}


class OpenAIChat(OpenAICompletions):
    kind, chunk_kind, prefix = "chat.completion", "chat.completion.chunk", "chatcmpl"

    def choice(self, reply: Reply, index: int) -> dict[str, Any]:
        said = None if reply.refusal or (reply.tools and not reply.pieces) else reply.text
        message: dict[str, Any] = {"role": "assistant", "content": said, "annotations": []}
        message["refusal"] = reply.text if reply.refusal else None
        if reply.tools:
            message["tool_calls"] = [
                {"id": f"call_{at}", "type": "function", "function": {"name": tool.name, "arguments": tool.arguments}}
                for at, tool in enumerate(reply.tools)
            ]
        return {"index": index, "message": message, "logprobs": None, "finish_reason": openai_api.finish(reply)}

    def deltas(self, reply: Reply, index: int) -> Iterator[tuple[dict[str, Any], bool]]:
        def delta(said: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
            return {"index": index, "delta": said, "logprobs": None, "finish_reason": finish}

        yield delta({"role": "assistant", "content": None if reply.tools else "", "refusal": None}), False
        for piece in () if reply.tools and not reply.pieces else reply.chunks():
            yield delta({"refusal" if reply.refusal else "content": piece}), True
        for at, tool in enumerate(reply.tools):
            name = {"name": tool.name, "arguments": ""}
            call = {"index": at, "id": f"call_{at}", "type": "function", "function": name}
            yield delta({"tool_calls": [call]}), True
            for part in arguments(tool.arguments):
                yield delta({"tool_calls": [{"index": at, "function": {"arguments": part}}]}), True
        yield delta({}, openai_api.finish(reply)), False


class MistralChat(OpenAIChat):
    def streams_usage(self, asked: Received) -> bool:
        """Always: there is no option for it."""
        return True


class OpenAILegacyCompletions(OpenAICompletions):
    kind, chunk_kind, prefix = "text_completion", "text_completion", "cmpl"

    def choice(self, reply: Reply, index: int) -> dict[str, Any]:
        return {"index": index, "text": reply.text, "logprobs": None, "finish_reason": openai_api.finish(reply)}

    def deltas(self, reply: Reply, index: int) -> Iterator[tuple[dict[str, Any], bool]]:
        for piece in reply.chunks():
            yield {"index": index, "text": piece, "logprobs": None, "finish_reason": None}, True
        yield {"index": index, "text": "", "logprobs": None, "finish_reason": openai_api.finish(reply)}, False


def includes_usage(asked: Received) -> bool:
    """Whether a stream was asked to end with its usage."""
    options = asked.body.get("stream_options")
    return isinstance(options, dict) and bool(options.get("include_usage"))  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]


def usage(stated: Usage) -> dict[str, Any]:
    """OpenAI's usage object: cached tokens are part of the prompt, reasoning is part of the completion."""
    prompt = stated.input + stated.cache_read + stated.cache_write
    completion = stated.output + stated.reasoning
    details = {"cached_tokens": stated.cache_read, "audio_tokens": 0}
    if stated.cache_write:
        details["cache_write_tokens"] = stated.cache_write
    return {
        "prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion,
        "prompt_tokens_details": details,
        "completion_tokens_details": {
            "reasoning_tokens": stated.reasoning, "audio_tokens": 0,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    }  # fmt: skip


CHAT = OpenAIChat("chat")
COMPLETIONS = OpenAILegacyCompletions("text_completion")
AZURE_CHAT = OpenAIChat("chat", provider="azure.ai.openai")
MISTRAL_CHAT = MistralChat("chat", provider="mistral_ai")
