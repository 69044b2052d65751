"""What goes over the wire in each format, and the messages that it says: requests, answers and streams."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from otel_llm.demo.emulator.anthropic_bedrock import message as frame

JSON, SSE, LINES, AWS = (
    "application/json", "text/event-stream", "application/x-ndjson", "application/vnd.amazon.eventstream"
)  # fmt: skip
IMAGE = "QUJDRA=="
"""Base64 that must not be seen anywhere."""
Message = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Row:
    name: str
    url: str
    request: dict[str, Any]
    asked: list[Message]
    system: list[dict[str, Any]] = field(default_factory=list)
    tools: list[dict[str, Any]] = field(default_factory=list)
    answer: Any = None
    """Body of a plain answer."""
    stream: bytes = b""
    stream_type: str = SSE
    stream_url: str = ""
    """Where streams have a path of their own."""
    said: list[Message] = field(default_factory=list)
    """What both say."""

    def __str__(self) -> str:
        return self.name


def sse(*events: Any) -> bytes:
    return b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events)


def lines(*events: Any) -> bytes:
    return b"".join(json.dumps(event).encode() + b"\n" for event in events)


def aws(*events: tuple[str, Any]) -> bytes:
    return b"".join(
        frame({":event-type": name, ":message-type": "event"}, json.dumps(event).encode()) for name, event in events
    )


def chunks(*events: Any) -> bytes:
    """Of ``InvokeModelWithResponseStream``."""
    return aws(*(("chunk", {"bytes": base64.b64encode(json.dumps(event).encode()).decode()}) for event in events))


def text(said: str) -> dict[str, Any]:
    return {"type": "text", "content": said}


def thought(said: str) -> dict[str, Any]:
    return {"type": "reasoning", "content": said}


def call(name: str, arguments: Any, call_id: str | None = None) -> dict[str, Any]:
    return {"type": "tool_call", "name": name, "arguments": arguments} | ({"id": call_id} if call_id else {})


def result(response: Any, call_id: str | None = None) -> dict[str, Any]:
    return {"type": "tool_call_response", "response": response} | ({"id": call_id} if call_id else {})


def blob(modality: str, data: str, mime_type: str | None = None) -> dict[str, Any]:
    part = {"type": "blob", "modality": modality, "content": "", "omitted_characters": len(data)}
    return part | ({"mime_type": mime_type} if mime_type else {})


def said(role: str, *parts: dict[str, Any]) -> Message:
    return {"role": role, "parts": list(parts)}


FUNCTION = {"type": "function", "name": "look"}
OPENAI_TOOL = {"type": "function", "function": {"name": "look", "description": "d", "parameters": {"type": "object"}}}
OPENAI_CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": '{"at": "it"}'}}
BEDROCK = "https://bedrock-runtime.us-east-1.amazonaws.com/model/"


def _delta(**delta: Any) -> dict[str, Any]:
    return {"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [{"index": 0, "delta": delta}]}


OPENAI = (
    Row(
        name="mistral-reasoning",
        url="https://api.mistral.ai/v1/chat/completions",
        request={"model": "magistral-medium-latest", "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "Read it."},
                {"type": "document_url", "document_url": "https://papers.test/a.pdf?key=s3cret"},
                {"type": "image_url", "image_url": f"data:image/png;base64,{IMAGE}"},
                {"type": "input_audio", "input_audio": IMAGE}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "Read."}]},
        ]},
        asked=[
            said("user", text("Read it."), {"type": "uri", "modality": "document", "uri": "https://papers.test/a.pdf"},
                 blob("image", f"data:image/png;base64,{IMAGE}", "image/png"), blob("audio", IMAGE)),
            said("assistant", thought("hm"), text("Read."))],
        answer={"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": "stop", "message": {
            "role": "assistant", "content": [
                {"type": "thinking", "thinking": [{"type": "text", "text": "so "}, {"type": "text", "text": "so"}]},
                {"type": "text", "text": "A paper."}]}}]},
        stream=sse(
            _delta(role="assistant", content=""),
            _delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "so "}]}]),
            _delta(content=[{"type": "thinking", "thinking": [{"type": "text", "text": "so"}]}]),
            _delta(content=[{"type": "text", "text": "A "}]), _delta(content="paper.")) + b"data: [DONE]\n\n",
        said=[said("assistant", thought("so so"), text("A paper."))],
    ),
    Row(
        name="functions-of-2023",
        url="https://api.openai.com/v1/chat/completions",
        request={"model": "gpt-3.5-turbo", "functions": [{"name": "look", "parameters": {}}], "messages": [
            {"role": "user", "content": "Look."},
            {"role": "assistant", "content": None, "function_call": {"name": "look", "arguments": '{"at": "it"}'}},
            {"role": "function", "name": "look", "content": "a cat"}]},
        asked=[said("user", text("Look.")), said("assistant", call("look", {"at": "it"})),
               {**said("function", result("a cat")), "name": "look"}],
        tools=[FUNCTION],
        answer={"id": "c", "model": "m", "choices": [{"index": 0, "finish_reason": "function_call", "message": {
            "role": "assistant", "content": None, "function_call": {"name": "look", "arguments": '{"at": "me"}'}}}]},
        stream=sse(
            _delta(role="assistant", content=None, function_call={"name": "look", "arguments": ""}),
            _delta(function_call={"arguments": '{"at":'}), _delta(function_call={"arguments": ' "me"}'})),
        said=[said("assistant", call("look", {"at": "me"}))],
    ),
    Row(
        name="two-choices",
        url="https://api.groq.com/openai/v1/chat/completions",
        request={"model": "m", "n": 2, "messages": [{"role": "user", "content": "Say a word.", "name": "ann"}]},
        asked=[{**said("user", text("Say a word.")), "name": "ann"}],
        answer={"id": "c", "model": "m", "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "one", "reasoning": "hm"}},
            {"index": 1, "message": {"role": "assistant", "content": "two", "tool_calls": [OPENAI_CALL]}}]},
        stream=sse({"choices": [{"index": 1, "delta": {"content": "tw"}}]},
                   {"choices": [{"index": 0, "delta": {"reasoning": "hm"}}]},
                   {"choices": [{"index": 0, "delta": {"content": "one"}}, {"index": 1, "delta": {"content": "o"}}]},
                   {"choices": [{"index": 1, "delta": {"tool_calls": [{"index": 0, **OPENAI_CALL}]}}]}),
        said=[said("assistant", thought("hm"), text("one")),
              said("assistant", text("two"), call("look", {"at": "it"}, "c1"))],
    ),
    Row(
        name="speech",
        url="https://api.openai.com/v1/chat/completions",
        request={"model": "gpt-4o-audio-preview", "modalities": ["text", "audio"], "messages": [
            {"role": "user", "content": "Say it."}, {"role": "assistant", "audio": {"id": "audio_1"}}]},
        asked=[said("user", text("Say it.")),
               said("assistant", {"type": "file", "modality": "audio", "file_id": "audio_1"})],
        answer={"id": "c", "model": "m", "choices": [{"index": 0, "message": {
            "role": "assistant", "content": None, "audio": {"id": "a", "data": IMAGE, "transcript": "It."}}}]},
        said=[said("assistant", {**blob("audio", IMAGE), "transcript": "It."})],
    ),
)  # fmt: skip

GEMINI_URL = "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-flash:"


def _candidate(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"role": "model", "parts": list(parts)}, "index": 0, **more}]}


GEMINI = (
    Row(
        name="gemini",
        url=GEMINI_URL + "generateContent",
        stream_url=GEMINI_URL + "streamGenerateContent?alt=sse",
        request={
            "systemInstruction": {"parts": [{"text": "Be brief."}]},
            "contents": [
                {"role": "user", "parts": [
                    {"text": "What is this?"}, {"inlineData": {"mimeType": "image/png", "data": IMAGE}},
                    {"fileData": {"mimeType": "video/mp4", "fileUri": "gs://bucket/a.mp4"}}]},
                {"role": "model", "parts": [{"functionCall": {"id": "f1", "name": "look", "args": {"at": "it"}}}]},
                {"role": "user", "parts": [{"functionResponse": {
                    "id": "f1", "name": "look", "response": {"seen": "a cat"}}}]}],
            "tools": [{"functionDeclarations": [{"name": "look", "description": "d"}]}, {"googleSearch": {}}],
        },
        system=[text("Be brief.")],
        asked=[
            said("user", text("What is this?"), blob("image", IMAGE, "image/png"),
                 {"type": "uri", "modality": "video", "uri": "gs://bucket/a.mp4", "mime_type": "video/mp4"}),
            said("model", call("look", {"at": "it"}, "f1")), said("user", result({"seen": "a cat"}, "f1"))],
        tools=[FUNCTION, {"type": "googleSearch", "name": "googleSearch"}],
        answer=_candidate(
            {"text": "Let me see.", "thought": True}, {"text": "A cat."},
            {"executableCode": {"language": "PYTHON", "code": "print(1)"}},
            {"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}},
            {"functionCall": {"name": "look", "args": {"at": "it"}}}, finishReason="STOP"),
        stream=sse(
            _candidate({"text": "Let me ", "thought": True}), _candidate({"text": "see.", "thought": True}),
            _candidate({"text": "A "}), _candidate({"text": "cat."}),
            _candidate({"executableCode": {"language": "PYTHON", "code": "print(1)"}}),
            _candidate({"codeExecutionResult": {"outcome": "OUTCOME_OK", "output": "1"}}),
            _candidate({"functionCall": {"name": "look", "args": {"at": "it"}}}, finishReason="STOP")),
        said=[said(
            "model", thought("Let me see."), text("A cat."),
            {"type": "server_tool_call", "name": "code_execution",
             "server_tool_call": {"type": "code_execution", "code": "print(1)"}},
            {"type": "server_tool_call_response",
             "server_tool_call_response": {"type": "code_execution", "output": "1"}},
            call("look", {"at": "it"}))],
    ),
    Row(
        name="gemini-array",
        url=GEMINI_URL + "streamGenerateContent",
        request={"contents": {"parts": [{"text": "Hi."}]}},
        asked=[said("user", text("Hi."))],
        answer=[_candidate({"text": "He"}), _candidate({"text": "llo"}, finishReason="STOP")],
        said=[said("model", text("Hello"))],
    ),
    Row(
        name="gemini-interactions",
        url="https://generativelanguage.googleapis.com/v1beta/interactions",
        request={"model": "gemini-2.5-flash", "system_instruction": "Be brief.", "input": [
            {"type": "user_input", "content": [
                {"type": "text", "text": "What is this?"}, {"type": "image", "data": IMAGE, "mime_type": "image/png"}]},
            {"type": "function_call", "id": "f1", "name": "look", "arguments": {"at": "it"}},
            {"type": "function_result", "call_id": "f1", "result": {"seen": "a cat"}}],
            "tools": [{"type": "function", "name": "look"}, {"type": "google_search"}]},
        system=[text("Be brief.")],
        asked=[said("user", text("What is this?"), blob("image", IMAGE, "image/png")),
               said("model", call("look", {"at": "it"}, "f1")), said("tool", result({"seen": "a cat"}, "f1"))],
        tools=[FUNCTION, {"type": "google_search", "name": "google_search"}],
        answer={"id": "v1", "status": "completed", "steps": [
            {"type": "thought", "signature": "c2ln", "summary": [{"type": "text", "text": "hm"}]},
            {"type": "model_output", "content": [{"type": "text", "text": "A cat."}]},
            {"type": "function_call", "id": "f2", "name": "look", "arguments": {"at": "me"}}]},
        stream=sse(
            {"event_type": "interaction.created", "interaction": {"id": "v1", "status": "in_progress"}},
            {"event_type": "step.start", "index": 0, "step": {"type": "thought"}},
            {"event_type": "step.delta", "index": 0, "delta": {"type": "thought_signature", "signature": "c2ln"}},
            {"event_type": "step.delta", "index": 0, "delta": {
                "type": "thought_summary", "content": {"type": "text", "text": "hm"}}},
            {"event_type": "step.start", "index": 1, "step": {"type": "model_output"}},
            {"event_type": "step.delta", "index": 1, "delta": {"type": "text", "text": "A "}},
            {"event_type": "step.delta", "index": 1, "delta": {"type": "text", "text": "cat."}},
            {"event_type": "step.start", "index": 2, "step": {"type": "function_call", "id": "f2", "name": "look"}},
            {"event_type": "step.delta", "index": 2, "delta": {"type": "arguments_delta", "arguments": '{"at": '}},
            {"event_type": "step.delta", "index": 2, "delta": {"type": "arguments_delta", "arguments": '"me"}'}},
            {"event_type": "interaction.completed", "interaction": {"id": "v1", "status": "completed"}}),
        said=[said("model", thought("hm"), text("A cat."), call("look", {"at": "me"}, "f2"))],
    ),
)  # fmt: skip

CONVERSE_ASKED = {
    "system": [{"text": "Be brief."}],
    "messages": [
        {"role": "user", "content": [
            {"text": "What is this?"}, {"image": {"format": "png", "source": {"bytes": IMAGE}}},
            {"document": {"format": "pdf", "name": "d", "source": {"s3Location": {"uri": "s3://bucket/a.pdf"}}}},
            {"guardContent": {"text": {"text": "guarded", "qualifiers": ["query"]}}}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t1", "name": "look", "input": {"at": "it"}}}]},
        {"role": "user", "content": [
            {"toolResult": {"toolUseId": "t1", "content": [{"text": "a cat"}]}},
            {"toolResult": {"toolUseId": "t2", "content": [{"json": {"seen": 1}}]}}]}],
    "toolConfig": {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {}}}}]},
}  # fmt: skip
CONVERSE_SAYS: Any = [
    said("user", text("What is this?"), blob("image", IMAGE, "image/png"),
         {"type": "uri", "modality": "document", "uri": "s3://bucket/a.pdf"}, text("guarded")),
    said("assistant", call("look", {"at": "it"}, "t1")),
    said("user", result("a cat", "t1"), result([{"type": "json", "json": {"seen": 1}}], "t2")),
]  # fmt: skip
CONVERSE_ANSWER = {
    "output": {"message": {"role": "assistant", "content": [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}}, {"text": "A cat."},
        {"toolUse": {"toolUseId": "t3", "name": "look", "input": {"at": "me"}}}]}},
    "stopReason": "tool_use", "usage": {"inputTokens": 1, "outputTokens": 2},
}  # fmt: skip
CONVERSE_EVENTS: Any = (
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "s"}}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "A "}}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"text": "cat."}}),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t3", "name": "look"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": '{"at":'}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": ' "me"}'}}}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"usage": {"inputTokens": 1, "outputTokens": 2}}),
)  # fmt: skip
CONVERSE_SAID = [said("assistant", thought("hm"), text("A cat."), call("look", {"at": "me"}, "t3"))]

CLAUDE, NOVA, TITAN, LLAMA, MISTRAL, JURASSIC, COMMAND = (
    BEDROCK + name + "/"
    for name in ("anthropic.claude-sonnet-4-5-v1%3A0", "amazon.nova-lite-v1%3A0", "amazon.titan-text-express-v1",
                 "meta.llama3-8b-instruct-v1%3A0", "mistral.mistral-7b-instruct-v0%3A2", "ai21.j2-mid-v1",
                 "cohere.command-r-v1%3A0")
)  # fmt: skip
INVOKE, INVOKE_STREAM = "invoke", "invoke-with-response-stream"


def _invoked(name: str, model: str, request: dict[str, Any], answer: Any, events: tuple[Any, ...], reply: str) -> Row:
    """A model that completes a text."""
    prompt = request.get("prompt", request.get("inputText"))
    return Row(
        name=name, url=model + INVOKE, stream_url=model + INVOKE_STREAM, request=request,
        asked=[said("user", text(prompt))], answer=answer, stream=chunks(*events), stream_type=AWS,
        said=[said("assistant", text(reply))],
    )  # fmt: skip


BEDROCK_ROWS = (
    Row(
        name="converse", url=NOVA + "converse", stream_url=NOVA + "converse-stream", request=CONVERSE_ASKED,
        system=[text("Be brief.")], asked=CONVERSE_SAYS, tools=[FUNCTION], answer=CONVERSE_ANSWER,
        stream=aws(*CONVERSE_EVENTS), stream_type=AWS, said=CONVERSE_SAID,
    ),
    Row(
        name="invoke-nova", url=NOVA + INVOKE, stream_url=NOVA + INVOKE_STREAM,
        request={"schemaVersion": "messages-v1", **CONVERSE_ASKED},
        system=[text("Be brief.")], asked=CONVERSE_SAYS, tools=[FUNCTION], answer=CONVERSE_ANSWER,
        stream=chunks(*({name: event} for name, event in CONVERSE_EVENTS)), stream_type=AWS, said=CONVERSE_SAID,
    ),
    Row(
        name="invoke-claude", url=CLAUDE + INVOKE, stream_url=CLAUDE + INVOKE_STREAM,
        request={"anthropic_version": "bedrock-2023-05-31", "max_tokens": 9, "system": "Be brief.",
                 "messages": [{"role": "user", "content": "Hi."}]},
        system=[text("Be brief.")], asked=[said("user", text("Hi."))],
        answer={"id": "m", "type": "message", "role": "assistant", "content": [{"type": "text", "text": "Hello."}]},
        stream=chunks(
            {"type": "message_start", "message": {"id": "m", "content": []}},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo."}},
            {"type": "message_stop", "amazon-bedrock-invocationMetrics": {"inputTokenCount": 1}}),
        stream_type=AWS, said=[said("assistant", text("Hello."))],
    ),
    Row(
        name="invoke-cohere", url=COMMAND + INVOKE, stream_url=COMMAND + INVOKE_STREAM,
        request={"message": "Hi.", "chat_history": [{"role": "CHATBOT", "message": "Yes?"}], "preamble": "Be brief."},
        system=[text("Be brief.")], asked=[said("CHATBOT", text("Yes?")), said("USER", text("Hi."))],
        answer={"response_id": "r", "text": "Hello.", "finish_reason": "COMPLETE"},
        stream=chunks({"event_type": "text-generation", "text": "Hel", "is_finished": False},
                      {"event_type": "text-generation", "text": "lo.", "is_finished": False},
                      {"event_type": "stream-end", "is_finished": True, "response": {"text": "Hello."}}),
        stream_type=AWS, said=[said("CHATBOT", text("Hello."))],
    ),
    _invoked("invoke-titan", TITAN, {"inputText": "Hi."},
             {"inputTextTokenCount": 1, "results": [{"outputText": "Hello.", "completionReason": "FINISH"}]},
             ({"outputText": "Hel", "index": 0}, {"outputText": "lo.", "completionReason": "FINISH"}), "Hello."),
    _invoked("invoke-llama", LLAMA, {"prompt": "Hi."}, {"generation": "Hello.", "stop_reason": "stop"},
             ({"generation": "Hel"}, {"generation": "lo."}, {"generation": "", "stop_reason": "stop"}), "Hello."),
    _invoked("invoke-mistral", MISTRAL, {"prompt": "Hi."}, {"outputs": [{"text": "Hello.", "stop_reason": "stop"}]},
             ({"outputs": [{"text": "Hel"}]}, {"outputs": [{"text": "lo.", "stop_reason": "stop"}]}), "Hello."),
    _invoked("invoke-jurassic", JURASSIC, {"prompt": "Hi."},
             {"id": 1, "completions": [{"data": {"text": "Hello."}, "finishReason": {"reason": "endoftext"}}]},
             ({"completions": [{"data": {"text": "Hello."}}]},), "Hello."),
)  # fmt: skip

COHERE = (
    Row(
        name="cohere-v2",
        url="https://api.cohere.com/v2/chat",
        request={"model": "command-a-03-2025", "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": [
                {"type": "text", "text": "What is this?"},
                {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{IMAGE}"}}]},
            {"role": "assistant", "tool_plan": "I look.", "tool_calls": [OPENAI_CALL]},
            {"role": "tool", "tool_call_id": "c1", "content": [
                {"type": "document", "document": {"data": '{"seen": 1}'}}]}], "tools": [OPENAI_TOOL]},
        asked=[
            said("system", text("Be brief.")),
            said("user", text("What is this?"), blob("image", f"data:image/png;base64,{IMAGE}", "image/png")),
            said("assistant", thought("I look."), call("look", {"at": "it"}, "c1")),
            said("tool", result([{"type": "document", "document": {"data": '{"seen": 1}'}}], "c1"))],
        tools=[FUNCTION],
        answer={"id": "i", "finish_reason": "TOOL_CALL", "message": {
            "role": "assistant", "tool_plan": "Again.", "tool_calls": [
                {"id": "c2", "type": "function", "function": {"name": "look", "arguments": '{"at":"me"}'}}]}},
        stream=sse(
            {"type": "message-start", "id": "i", "delta": {"message": {
                "role": "assistant", "content": [], "tool_plan": "", "tool_calls": [], "citations": []}}},
            {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "Ag"}}},
            {"type": "tool-plan-delta", "delta": {"message": {"tool_plan": "ain."}}},
            {"type": "tool-call-start", "index": 0, "delta": {"message": {"tool_calls": {
                "id": "c2", "type": "function", "function": {"name": "look", "arguments": ""}}}}},
            {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {
                "function": {"arguments": '{"at":'}}}}},
            {"type": "tool-call-delta", "index": 0, "delta": {"message": {"tool_calls": {
                "function": {"arguments": '"me"}'}}}}},
            {"type": "tool-call-end", "index": 0}, {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}}),
        said=[said("assistant", thought("Again."), call("look", {"at": "me"}, "c2"))],
    ),
    Row(
        name="cohere-v2-reasoning",
        url="https://api.cohere.com/v2/chat",
        request={"model": "command-a-reasoning-08-2025", "messages": [{"role": "user", "content": "Hi."}]},
        asked=[said("user", text("Hi."))],
        answer={"id": "i", "message": {"role": "assistant", "content": [
            {"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "Hello."}]}},
        stream=sse(
            {"type": "content-start", "index": 0, "delta": {"message": {"content": {"type": "thinking"}}}},
            {"type": "content-delta", "index": 0, "delta": {"message": {"content": {"thinking": "hm"}}}},
            {"type": "content-start", "index": 1, "delta": {"message": {"content": {"type": "text", "text": ""}}}},
            {"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": "Hel"}}}},
            {"type": "content-delta", "index": 1, "delta": {"message": {"content": {"text": "lo."}}}}),
        said=[said("assistant", thought("hm"), text("Hello."))],
    ),
    Row(
        name="cohere-v1",
        url="https://api.cohere.com/v1/chat",
        request={"model": "command", "message": "Look.", "preamble": "Be brief.",
                 "chat_history": [{"role": "USER", "message": "Hi."}, {"role": "CHATBOT", "message": "Hello."}],
                 "tools": [{"name": "look", "parameter_definitions": {}}],
                 "tool_results": [{"call": {"name": "look"}, "outputs": [{"seen": "a cat"}]}]},
        system=[text("Be brief.")],
        asked=[said("USER", text("Hi.")), said("CHATBOT", text("Hello.")),
               said("USER", text("Look."), result([{"seen": "a cat"}]))],
        tools=[FUNCTION],
        answer={"response_id": "r", "text": "I look.", "tool_calls": [{"name": "look", "parameters": {"at": "it"}}]},
        stream_type=LINES,
        stream=lines(
            {"event_type": "stream-start", "is_finished": False, "generation_id": "g"},
            {"event_type": "text-generation", "is_finished": False, "text": "I "},
            {"event_type": "text-generation", "is_finished": False, "text": "look."},
            {"event_type": "tool-calls-generation", "is_finished": False, "tool_calls": [
                {"name": "look", "parameters": {"at": "it"}}]},
            {"event_type": "stream-end", "is_finished": True, "finish_reason": "COMPLETE", "response": {
                "text": "I look.", "tool_calls": [{"name": "look", "parameters": {"at": "it"}}]}}),
        said=[said("CHATBOT", text("I look."), call("look", {"at": "it"}))],
    ),
    Row(
        name="cohere-generate",
        url="https://api.cohere.com/v1/generate",
        request={"model": "command", "prompt": "Hi."},
        asked=[said("USER", text("Hi."))],
        answer={"id": "g", "generations": [{"text": "Hello."}, {"text": "Hey."}]},
        said=[said("CHATBOT", text("Hello.")), said("CHATBOT", text("Hey."))],
    ),
)  # fmt: skip

OLLAMA_CALL = {"function": {"name": "look", "arguments": {"at": "it"}}}
OLLAMA = (
    Row(
        name="ollama-chat",
        url="http://127.0.0.1:11434/api/chat",
        request={"model": "llama3.2", "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "What is this?", "images": [IMAGE]},
            {"role": "assistant", "content": "", "thinking": "hm", "tool_calls": [OLLAMA_CALL]},
            {"role": "tool", "content": "a cat", "tool_name": "look"}], "tools": [OPENAI_TOOL]},
        asked=[
            said("system", text("Be brief.")), said("user", text("What is this?"), blob("image", IMAGE)),
            said("assistant", thought("hm"), text(""), call("look", {"at": "it"})), said("tool", result("a cat"))],
        tools=[FUNCTION],
        answer={"model": "llama3.2", "done": True, "message": {
            "role": "assistant", "content": "A cat.", "thinking": "so", "tool_calls": [OLLAMA_CALL]}},
        stream_type=LINES,
        stream=lines(
            {"message": {"role": "assistant", "content": "", "thinking": "s"}, "done": False},
            {"message": {"role": "assistant", "content": "", "thinking": "o"}, "done": False},
            {"message": {"role": "assistant", "content": "A "}, "done": False},
            {"message": {"role": "assistant", "content": "cat."}, "done": False},
            {"message": {"role": "assistant", "content": "", "tool_calls": [OLLAMA_CALL]}, "done": False},
            {"message": {"role": "assistant", "content": ""}, "done": True, "done_reason": "stop"}),
        said=[said("assistant", thought("so"), text("A cat."), call("look", {"at": "it"}))],
    ),
    Row(
        name="ollama-generate",
        url="http://127.0.0.1:11434/api/generate",
        request={"model": "llama3.2", "prompt": "What is this?", "system": "Be brief.", "images": [IMAGE]},
        system=[text("Be brief.")],
        asked=[said("user", text("What is this?"), blob("image", IMAGE))],
        answer={"model": "llama3.2", "response": "A cat.", "done": True},
        stream_type=LINES,
        stream=lines({"response": "A ", "done": False}, {"response": "cat.", "done": False},
                     {"response": "", "done": True, "done_reason": "stop"}),
        said=[said("assistant", text("A cat."))],
    ),
)  # fmt: skip

WATSONX = "https://us-south.ml.cloud.ibm.com/ml/v1/text/"
TEXTS = (
    Row(
        name="huggingface",
        url="https://router.huggingface.co/generate",
        stream_url="https://router.huggingface.co/generate_stream",
        request={"inputs": "Hi.", "parameters": {"max_new_tokens": 9}},
        asked=[said("user", text("Hi."))],
        answer=[{"generated_text": "Hello."}],
        stream=sse(
            {"index": 1, "token": {"id": 1, "text": "Hel", "special": False}, "generated_text": None},
            {"index": 2, "token": {"id": 2, "text": "lo.", "special": False}, "generated_text": None},
            {"index": 3, "token": {"id": 3, "text": "</s>", "special": True}, "generated_text": "Hello.",
             "details": {"finish_reason": "eos_token"}}),
        said=[said("assistant", text("Hello."))],
    ),
    Row(
        name="watsonx",
        url=WATSONX + "generation?version=2024-02-15",
        stream_url=WATSONX + "generation_stream?version=2024-02-15",
        request={"model_id": "ibm/granite", "input": "Hi."},
        asked=[said("user", text("Hi."))],
        answer={"model_id": "ibm/granite", "results": [{"generated_text": "Hello.", "stop_reason": "eos_token"}]},
        stream=sse({"results": [{"generated_text": "Hel", "stop_reason": "not_finished"}]},
                   {"results": [{"generated_text": "lo.", "stop_reason": "eos_token"}]}),
        said=[said("assistant", text("Hello."))],
    ),
    Row(
        name="watsonx-chat",
        url=WATSONX + "chat?version=2024-10-08",
        request={"model_id": "ibm/granite", "messages": [{"role": "user", "content": "Hi."}]},
        asked=[said("user", text("Hi."))],
        answer={"choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello."}}]},
        said=[said("assistant", text("Hello."))],
    ),
    Row(
        name="writer",
        url="https://api.writer.com/v1/completions",
        request={"model": "palmyra-x4", "prompt": "Hi."},
        asked=[said("user", text("Hi."))],
        answer={"choices": [{"text": "Hello."}], "model": "palmyra-x4"},
        stream=sse({"value": "Hel"}, {"value": "lo."}),
        said=[said("assistant", text("Hello."))],
    ),
    Row(
        name="replicate",
        url="https://api.replicate.com/v1/models/meta/llama/predictions",
        request={"input": {"prompt": "Hi.", "system_prompt": "Be brief."}},
        system=[text("Be brief.")],
        asked=[said("user", text("Hi."))],
        answer={"id": "p", "status": "succeeded", "output": ["Hel", "lo."]},
        stream=b"event: output\ndata: Hel\n\nevent: output\ndata: lo.\n\nevent: done\ndata: {}\n\n",
        said=[said("assistant", text("Hello."))],
    ),
    Row(
        name="aleph-alpha",
        url="https://api.aleph-alpha.com/complete",
        request={"model": "luminous-base", "prompt": [
            {"type": "text", "data": "Hi.", "controls": []}, {"type": "image", "data": IMAGE}]},
        asked=[said("user", text("Hi."), blob("image", IMAGE))],
        answer={"completions": [{"completion": "Hello."}], "model_version": "2022"},
        said=[said("assistant", text("Hello."))],
    ),
)  # fmt: skip

ROWS = OPENAI + GEMINI + BEDROCK_ROWS + COHERE + OLLAMA + TEXTS
