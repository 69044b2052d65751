"""Each wire format states each fault that it can: from request and answer on the wire to the scraped reason."""

from __future__ import annotations

import json
from typing import Any

import httpx
import msgspec
import pytest

from otel_llm import catalog
from tests.telemetry import Telemetry

Json = dict[str, Any]


class Api(msgspec.Struct):
    """How a format is asked and answers."""

    url: str
    ask: Json
    tools: Json
    """What offers the tool ``search``."""
    json: Json
    """What asks for JSON."""


OPENAI = Api(
    "https://api.openai.com/v1/chat/completions", {"model": "gpt-5.1", "messages": [{"role": "user", "content": "hi"}]},
    {"tools": [{"type": "function", "function": {"name": "search"}}, {"type": "custom", "custom": {"name": "run"}}]},
    {"response_format": {"type": "json_object"}},
)  # fmt: skip
RESPONSES = Api(
    "https://api.openai.com/v1/responses", {"model": "gpt-5.1", "input": "hi"},
    {"tools": [{"type": "function", "name": "search"}, {"type": "custom", "name": "run"},
               {"type": "namespace", "name": "crm", "tools": [{"type": "function", "name": "lookup"}]}]},
    {"text": {"format": {"type": "json_schema"}}},
)  # fmt: skip
ANTHROPIC = Api(
    "https://api.anthropic.com/v1/messages", {"model": "claude-opus-5", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9},
    {"tools": [{"name": "search", "input_schema": {}}]}, {"output_config": {"format": {"type": "json_schema"}}},
)  # fmt: skip
GEMINI = Api(
    "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:generateContent", {"contents": []},
    {"tools": [{"functionDeclarations": [{"name": "search"}]}]}, {"generationConfig": {"responseJsonSchema": {}}},
)  # fmt: skip
SNAKE = Api(GEMINI.url, {"contents": []}, {"tools": [{"function_declarations": [{"name": "search"}]}]},
            {"generation_config": {"response_json_schema": {}}})  # fmt: skip
INTERACTIONS = Api(
    "https://generativelanguage.googleapis.com/v1beta/interactions", {"model": "gemini-2.5-flash", "input": "hi"},
    {"tools": [{"type": "function", "name": "search"}]}, {},
)  # fmt: skip
CONVERSE = Api(
    "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-opus-5/converse", {"messages": [{"role": "user", "content": "hi"}]},
    {"toolConfig": {"tools": [{"toolSpec": {"name": "search"}}]}},
    {"outputConfig": {"textFormat": {"type": "json_schema", "structure": {}}}},
)  # fmt: skip
COHERE = Api(
    "https://api.cohere.com/v2/chat", {"model": "command-a", "messages": [{"role": "user", "content": "hi"}]},
    {"tools": [{"type": "function", "function": {"name": "search"}}]}, {"response_format": {"type": "json_object"}},
)  # fmt: skip
OLLAMA = Api(
    "http://localhost:11434/api/chat", {"model": "qwen3", "messages": [{"role": "user", "content": "hi"}], "stream": False},
    {"tools": [{"type": "function", "function": {"name": "search"}}]}, {"format": "json"},
)  # fmt: skip


def chat(finish: str = "stop", **message: Any) -> Json:
    return {"choices": [{"index": 0, "message": {"content": None, **message}, "finish_reason": finish}]}


def tool(name: str, arguments: Any, **rest: Any) -> Json:
    return {"tool_calls": [{"type": "function", "function": {"name": name, "arguments": arguments}, **rest}]}


def response(*items: Json, **rest: Any) -> Json:
    return {"object": "response", "status": "completed", "output": items, **rest}


def said(text: str) -> Json:
    return {"type": "message", "content": [{"type": "output_text", "text": text}]}


def message(*blocks: Json, stop: str = "end_turn") -> Json:
    return {"type": "message", "content": blocks, "stop_reason": stop}


def candidate(*parts: Json, finish: str = "STOP") -> Json:
    return {"candidates": [{"content": {"parts": parts}, "finishReason": finish}]}


def interaction(*steps: Json) -> Json:
    return {"id": "i", "status": "completed", "steps": steps}


def converse(*blocks: Json, stop: str = "end_turn") -> Json:
    return {"output": {"message": {"content": blocks}}, "stopReason": stop}


def cohere(finish: str = "COMPLETE", text: str | None = None, **rest: Any) -> Json:
    content = [] if text is None else [{"type": "text", "text": text}]
    return {"id": "c", "message": {"content": content, **rest}, "finish_reason": finish}


def ollama(text: str = "", reason: str = "stop", **rest: Any) -> Json:
    return {"model": "qwen3", "message": {"content": text, **rest}, "done": True, "done_reason": reason}


TEXT, IMAGE = {"text": "hi"}, {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
SEARCH, DELETE = tool("search", "{}"), tool("delete", "{}")
WORDS, BROKEN = "Sure, here it is.", '{"a": '

CASES: list[tuple[Api, str, Json, set[str]]] = [
    (OPENAI, "", chat(content="hi"), set()),
    (OPENAI, "", chat(), {"empty"}),
    (OPENAI, "", chat(content="", reasoning_content="Hm."), {"empty"}),
    (OPENAI, "", chat(audio={"id": "a", "data": "AA==", "transcript": "hi"}), set()),
    (OPENAI, "", chat(images=[{"image_url": {"url": "data:"}}]), set()),
    (OPENAI, "", chat("length"), {"truncated"}),
    (OPENAI, "", chat("content_filter"), {"filtered"}),
    (OPENAI, "", chat(refusal="no"), {"refused"}),
    (OPENAI, "json", chat(content=WORDS), {"invalid_json"}),
    (OPENAI, "tools", chat("tool_calls", **SEARCH), set()),
    (OPENAI, "tools", chat("tool_calls", **DELETE), {"unknown_tool"}),
    (OPENAI, "tools", chat("tool_calls", **tool("search", BROKEN)), {"invalid_tool_arguments"}),
    (OPENAI, "tools", chat("tool_calls", tool_calls=[{"type": "custom", "custom": {"name": "run", "input": "x ="}}]),
     set()),
    (OPENAI, "tools", chat("tool_calls", tool_calls=[{"type": "custom", "custom": {"name": "eval", "input": "{"}}]),
     {"unknown_tool"}),
    (OPENAI, "", chat("function_call", function_call={"name": "search", "arguments": "{}"}), set()),
    (OPENAI, "tools", chat("function_call", function_call={"name": "delete", "arguments": BROKEN}),
     {"unknown_tool", "invalid_tool_arguments"}),
    (RESPONSES, "", response(said("hi")), set()),
    (RESPONSES, "", response(), {"empty"}),
    (RESPONSES, "", response({"type": "reasoning", "summary": []}, said("")), {"empty"}),
    (RESPONSES, "", response({"type": "image_generation_call", "result": "AA=="}), set()),
    (RESPONSES, "", response({"type": "computer_call", "action": {}}), set()),
    (RESPONSES, "", response(said(""), status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
     {"truncated"}),
    (RESPONSES, "", response(status="incomplete", incomplete_details={"reason": "content_filter"}), {"filtered"}),
    (RESPONSES, "", response({"type": "message", "content": [{"type": "refusal", "refusal": "no"}]}), {"refused"}),
    (RESPONSES, "json", response(said(WORDS)), {"invalid_json"}),
    (RESPONSES, "tools", response({"type": "function_call", "name": "search", "arguments": "{}"}), set()),
    (RESPONSES, "tools", response({"type": "function_call", "name": "lookup", "arguments": "{}"}), set()),
    (RESPONSES, "tools", response({"type": "function_call", "name": "delete", "arguments": "{}"}), {"unknown_tool"}),
    (RESPONSES, "tools", response({"type": "function_call", "name": "search", "arguments": BROKEN}),
     {"invalid_tool_arguments"}),
    (RESPONSES, "tools", response({"type": "custom_tool_call", "name": "run", "input": "x ="}), set()),
    (RESPONSES, "tools", response({"type": "custom_tool_call", "name": "eval", "input": "{"}), {"unknown_tool"}),
    (ANTHROPIC, "", message({"type": "text", **TEXT}), set()),
    (ANTHROPIC, "", message(), {"empty"}),
    (ANTHROPIC, "", message({"type": "thinking", "thinking": "Hm."}), {"empty"}),
    (ANTHROPIC, "", message({"type": "server_tool_use", "name": "web_search"}, stop="pause_turn"), set()),
    (ANTHROPIC, "", message(stop="max_tokens"), {"truncated"}),
    (ANTHROPIC, "", message(stop="refusal"), {"refused"}),
    (ANTHROPIC, "json", message({"type": "text", "text": WORDS}), {"invalid_json"}),
    (ANTHROPIC, "tools", message({"type": "tool_use", "name": "search", "input": {}}, stop="tool_use"), set()),
    (ANTHROPIC, "tools", message({"type": "tool_use", "name": "delete", "input": {}}, stop="tool_use"),
     {"unknown_tool"}),
    (ANTHROPIC, "tools", message({"type": "tool_use", "name": "search", "input": []}, stop="tool_use"),
     {"invalid_tool_arguments"}),
    (GEMINI, "", candidate(TEXT), set()),
    (GEMINI, "", candidate(), {"empty"}),
    (GEMINI, "", candidate({"text": "Hm.", "thought": True}), {"empty"}),
    (GEMINI, "", candidate(IMAGE), set()),
    (GEMINI, "", candidate({"fileData": {"fileUri": "gs://x"}}), set()),
    (GEMINI, "", candidate({**IMAGE, "thought": True}), {"empty"}),
    (GEMINI, "", candidate(finish="MAX_TOKENS"), {"truncated"}),
    (GEMINI, "", candidate(finish="SAFETY"), {"filtered"}),
    (GEMINI, "", {"promptFeedback": {"blockReason": "SAFETY"}}, {"filtered"}),
    (GEMINI, "json", candidate({"text": WORDS}), {"invalid_json"}),
    (SNAKE, "json", candidate({"text": WORDS}), {"invalid_json"}),
    (GEMINI, "tools", candidate({"functionCall": {"name": "search", "args": {}}}), set()),
    (GEMINI, "tools", candidate({"functionCall": {"name": "delete", "args": {}}}), {"unknown_tool"}),
    (SNAKE, "tools", candidate({"functionCall": {"name": "delete", "args": {}}}), {"unknown_tool"}),
    (GEMINI, "tools", candidate(finish="MALFORMED_FUNCTION_CALL"), {"invalid_tool_arguments"}),
    (GEMINI, "", candidate(finish="UNEXPECTED_TOOL_CALL"), {"unknown_tool"}),
    (INTERACTIONS, "", interaction({"type": "model_output", "content": [{"type": "text", **TEXT}]}), set()),
    (INTERACTIONS, "", interaction({"type": "model_output", "content": []}), {"empty"}),
    (INTERACTIONS, "", interaction({"type": "model_output", "content": [{"type": "image"}]}), set()),
    (INTERACTIONS, "tools", interaction({"type": "function_call", "name": "delete"}), {"unknown_tool"}),
    (CONVERSE, "", converse(TEXT), set()),
    (CONVERSE, "", converse(), {"empty"}),
    (CONVERSE, "", converse({"reasoningContent": {"reasoningText": TEXT}}), {"empty"}),
    (CONVERSE, "", converse({"image": {"format": "png", "source": {}}}), set()),
    (CONVERSE, "", converse(stop="max_tokens"), {"truncated"}),
    (CONVERSE, "", converse(stop="guardrail_intervened"), {"filtered"}),
    (CONVERSE, "json", converse({"text": WORDS}), {"invalid_json"}),
    (CONVERSE, "tools", converse({"toolUse": {"name": "search", "input": {}}}, stop="tool_use"), set()),
    (CONVERSE, "tools", converse({"toolUse": {"name": "delete", "input": {}}}, stop="tool_use"), {"unknown_tool"}),
    (CONVERSE, "tools", converse({"toolUse": {"name": "search", "input": "x"}}, stop="tool_use"),
     {"invalid_tool_arguments"}),
    (CONVERSE, "tools", converse(stop="malformed_tool_use"), {"invalid_tool_arguments"}),
    (COHERE, "", cohere(text="hi"), set()),
    (COHERE, "", cohere(), {"empty"}),
    (COHERE, "", cohere("MAX_TOKENS"), {"truncated"}),
    (COHERE, "", cohere("ERROR_TOXIC"), {"filtered"}),
    (COHERE, "json", cohere(text=WORDS), {"invalid_json"}),
    (COHERE, "tools", cohere("TOOL_CALL", **SEARCH), set()),
    (COHERE, "tools", cohere("TOOL_CALL", **DELETE), {"unknown_tool"}),
    (COHERE, "tools", cohere("TOOL_CALL", **tool("search", BROKEN)), {"invalid_tool_arguments"}),
    (OLLAMA, "", ollama("hi"), set()),
    (OLLAMA, "", ollama(), {"empty"}),
    (OLLAMA, "", ollama(reason="length"), {"truncated"}),
    (OLLAMA, "json", ollama(WORDS), {"invalid_json"}),
    (OLLAMA, "tools", ollama(**tool("search", {})), set()),
    (OLLAMA, "tools", ollama(**tool("delete", {})), {"unknown_tool"}),
    (OLLAMA, "tools", ollama(**tool("search", ["x"])), {"invalid_tool_arguments"}),
]  # fmt: skip


@pytest.mark.parametrize(("api", "asked", "answer", "wanted"), CASES)
def test_what_an_answer_states(telemetry: Telemetry, api: Api, asked: str, answer: Json, wanted: set[str]) -> None:
    fields: Json = getattr(api, asked) if asked else {}
    with httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(200, json=answer))) as client:
        client.post(api.url, json={**api.ask, **fields})
    assert telemetry.counts(catalog.INVALID_OUTPUT, catalog.REASON) == dict.fromkeys(wanted, 1)
    [span] = telemetry.exporter.get_finished_spans()
    assert (span.attributes or {})[catalog.SPAN_OUTCOME] == "success"


def sse(*events: Json) -> bytes:
    return b"".join(b"data: " + json.dumps(event, separators=(",", ":")).encode() + b"\n\n" for event in events)


def delta(finish: str | None = None, **rest: Any) -> Json:
    return {"choices": [{"index": 0, "delta": rest, "finish_reason": finish}]}


STREAMS: list[tuple[Api, str, list[Json], set[str]]] = [
    (OPENAI, "", [delta(role="assistant", content=""), delta("stop")], {"empty"}),
    (OPENAI, "", [delta(audio={"id": "a"}), delta(audio={"data": "AA=="}), delta("stop")], set()),
    (OPENAI, "tools", [delta(content="hi"), delta(function_call={"name": "delete", "arguments": ""}),
                       delta(function_call={"arguments": "{"}), delta("function_call")],
     {"unknown_tool", "invalid_tool_arguments"}),
    (OPENAI, "tools", [delta(content="hi"), delta(tool_calls=[{"index": 0, "custom": {"name": "eval", "input": ""}}]),
                       delta("tool_calls")], {"unknown_tool"}),
    (RESPONSES, "", [{"type": "response.created", "response": response(status="in_progress")},
                     {"type": "response.completed", "response": response()}], {"empty"}),
    (RESPONSES, "", [{"type": "response.output_text.delta", "delta": "hi"},
                     {"type": "response.completed", "response": response(said("hi"))}], set()),
    (ANTHROPIC, "", [{"type": "message_start", "message": message()},
                     {"type": "content_block_start", "content_block": {"type": "server_tool_use"}},
                     {"type": "message_delta", "delta": {"stop_reason": "pause_turn"}},
                     {"type": "message_stop"}], set()),
    (GEMINI, "", [candidate(finish=""), candidate()], {"empty"}),
    (GEMINI, "", [candidate(IMAGE, finish=""), candidate()], set()),
]  # fmt: skip


@pytest.mark.parametrize(("api", "asked", "events", "wanted"), STREAMS)
def test_what_a_stream_states(telemetry: Telemetry, api: Api, asked: str, events: list[Json], wanted: set[str]) -> None:
    fields: Json = getattr(api, asked) if asked else {}
    answer = httpx.Response(200, headers={"content-type": "text/event-stream"}, content=sse(*events))
    with httpx.Client(transport=httpx.MockTransport(lambda _: answer)) as client:
        client.post(api.url.replace(":generate", ":streamGenerate"), json={**api.ask, "stream": True, **fields})
    assert telemetry.counts(catalog.INVALID_OUTPUT, catalog.REASON) == dict.fromkeys(wanted, 1)
