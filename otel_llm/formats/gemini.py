"""Gemini ``generateContent`` and ``streamGenerateContent``, on the Gemini API and on Vertex AI.

Source: Gemini API and Vertex AI references, recorded traffic. The model stands in the URL. A stream is SSE with
``alt=sse``, else one JSON array, and has no last event. Every chunk may state usage; the last one holds.
``promptTokenCount`` includes cached tokens; ``candidatesTokenCount`` excludes thoughts, which are added here. What
built-in tools gave back to the model (``toolUsePromptTokenCount``) is beside the prompt and input as well: the total is
the sum of the four (google-genai 3.6, ``UsageMetadata``), and genai-prices 0.2.3 prices it as input.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.json_format import JsonFormat
from otel_llm.formats.reading import Fields, Present, Shape, mapping, names, number, rows, strings, text, whole


class _Modality(msgspec.Struct, rename="camel"):
    modality: str | int | None = None
    token_count: int | None = None


class GeminiUsage(msgspec.Struct, rename="camel"):
    prompt_token_count: int | None = None
    candidates_token_count: int | None = None
    thoughts_token_count: int | None = None
    cached_content_token_count: int | None = None
    tool_use_prompt_token_count: int | None = None
    prompt_tokens_details: list[_Modality] | None = None
    candidates_tokens_details: list[_Modality] | None = None
    tool_use_prompt_tokens_details: list[_Modality] | None = None
    service_tier: str | None = None
    traffic_type: str | int | None = None
    """Vertex AI's name for the tier: ``ON_DEMAND``, ``ON_DEMAND_FLEX``, ``PROVISIONED_THROUGHPUT`` ..."""


class _Call(msgspec.Struct):
    name: str | None = None


class _Part(msgspec.Struct, rename="camel"):
    text: str | None = None
    thought: bool | None = None
    function_call: _Call | None = None
    inline_data: Present | None = None
    file_data: Present | None = None
    executable_code: Present | None = None
    code_execution_result: Present | None = None

    def other(self) -> bool:
        """True if there is something in it that is no text."""
        parts = (self.inline_data, self.file_data, self.executable_code, self.code_execution_result)
        return any(part is not None for part in parts)


class _Content(msgspec.Struct):
    parts: list[_Part] | None = None


class _Candidate(msgspec.Struct, rename="camel"):
    index: int | None = None
    content: _Content | None = None
    finish_reason: str | int | None = None


class _Feedback(msgspec.Struct, rename="camel"):
    block_reason: str | int | None = None


class _Violation(msgspec.Struct, rename="camel"):
    quota_id: str | None = None


class _Detail(msgspec.Struct):
    """``google.rpc.ErrorInfo`` or ``google.rpc.QuotaFailure``: the fields do not collide."""

    reason: str | None = None
    violations: list[_Violation] | None = None


class GoogleError(msgspec.Struct):
    code: int | str | None = None
    status: str | None = None
    message: str | None = None
    details: list[_Detail] | None = None


class _Answer(msgspec.Struct, rename="camel"):
    candidates: list[_Candidate] | None = None
    prompt_feedback: _Feedback | None = None
    usage_metadata: GeminiUsage | None = None
    model_version: str | None = None
    response_id: str | None = None
    error: GoogleError | None = None


_read = Shape(_Answer)

_AUDIO = ("AUDIO", 4, "4")


def _tool_names(tools: object) -> frozenset[str]:
    declared = ("functionDeclarations", "function_declarations")
    return frozenset(name for tool in rows(tools) for key in declared for name in names(tool.get(key)))


def either(fields: Fields) -> Fields:
    """Fields by their names in camel case and in snake case: Google takes both."""
    return {**fields} | {_CAPITAL.sub(lambda found: "_" + found[0].lower(), key): row for key, row in fields.items()}


_CAPITAL: Final = re.compile("[A-Z]")

_CONFIG: Final = either({
    "maxOutputTokens": ("max_tokens", whole),
    "temperature": ("temperature", number),
    "topP": ("top_p", number),
    "topK": ("top_k", whole),
    "frequencyPenalty": ("frequency_penalty", number),
    "presencePenalty": ("presence_penalty", number),
    "seed": ("seed", whole),
    "candidateCount": ("choices", whole),
    "stopSequences": ("stop_sequences", strings),
    "thinkingConfig": either({"thinkingLevel": ("reasoning_level", text)}),
})  # fmt: skip

_REQUEST: Final = either({
    "model": ("model", text),
    "generationConfig": _CONFIG,
    "serviceTier": ("service_tier", text),
    "tools": ("tools", _tool_names),
})  # fmt: skip


class Gemini(JsonFormat[_Answer]):
    """``generateContent`` and its stream, whose chunks are whole answers."""

    terminated = False
    shape = _read
    fields = _REQUEST

    def request(self, body: Mapping[str, Any]) -> Request:
        request = super().request(body)
        request.output_type = _output_type(mapping(body.get("generationConfig") or body.get("generation_config")))
        return request

    def note(self, answer: _Answer, facts: Facts) -> None:
        facts.response_id = answer.response_id or facts.response_id
        facts.response_model = answer.model_version or facts.response_model
        for position, candidate in enumerate(answer.candidates or ()):
            _note_candidate(candidate, position, facts)
        if answer.prompt_feedback is not None and answer.prompt_feedback.block_reason and not answer.candidates:
            # A blocked prompt has no candidate; the block stands in the place of its finish reason.
            facts.finish_reasons[0] = _blocked(answer.prompt_feedback.block_reason)
        if answer.usage_metadata is not None:
            facts.usage = gemini_usage(answer.usage_metadata) or facts.usage
            facts.service_tier = _tier(answer.usage_metadata) or facts.service_tier
        if answer.error is not None:
            note_google_error(answer.error, facts)

    def note_event(self, event: _Answer, facts: Facts) -> bool:
        self.note(event, facts)
        return event.error is None


def _note_candidate(candidate: _Candidate, position: int, facts: Facts) -> None:
    index = position if candidate.index is None else candidate.index
    if candidate.finish_reason:
        facts.finish_reasons[index] = str(candidate.finish_reason)
    facts.text = facts.text or False
    for part in (candidate.content.parts if candidate.content else None) or ():
        if part.thought:
            continue
        if part.text:
            facts.say(index, part.text)
        facts.other_output = facts.other_output or part.other()
        if part.function_call is not None and part.function_call.name:
            facts.tools_called.add(part.function_call.name)


def _blocked(reason: str | int) -> str:
    return reason if isinstance(reason, str) and not reason.isdigit() else "SAFETY"


def gemini_usage(stated: GeminiUsage) -> Usage | None:
    """``usageMetadata`` by the conventions' meaning, or ``None`` if it counts no tokens (Vertex: before the end)."""
    said, thought = stated.candidates_token_count, stated.thoughts_token_count
    asked, fed = stated.prompt_token_count, stated.tool_use_prompt_token_count
    if asked is None and said is None and thought is None:
        return None
    return Usage(
        input=None if asked is None else asked + (fed or 0),
        output=None if said is None and thought is None else (said or 0) + (thought or 0),
        cache_read=stated.cached_content_token_count,
        reasoning=thought,
        input_audio=_audio(stated.prompt_tokens_details, stated.tool_use_prompt_tokens_details),
        output_audio=_audio(stated.candidates_tokens_details),
    )


def _audio(*details: list[_Modality] | None) -> int | None:
    stated = (row for rows_stated in details for row in rows_stated or ())
    counts = [row.token_count for row in stated if row.modality in _AUDIO and row.token_count is not None]
    return sum(counts) if counts else None


def _tier(stated: GeminiUsage) -> str | None:
    traffic = _TRAFFIC.get(stated.traffic_type, str(stated.traffic_type or ""))
    words = (word for word in (stated.service_tier, traffic) if word and not word.lower().endswith("unspecified"))
    return next(words, None)


_TRAFFIC: Final[Mapping[object, str]] = {1: "ON_DEMAND", 2: "PROVISIONED_THROUGHPUT"}
"""Under ``$alt=json;enum-encoding=int``. A number that is not known stays one, and is a tier without a price."""


def note_google_error(error: GoogleError, facts: Facts) -> None:
    """Puts Google's error object (``google.rpc.Status`` as JSON) into the facts."""
    facts.error_code = str(error.code) if error.code not in (None, "") else None
    facts.error_type = error.status or (None if facts.error_code else "error")
    facts.error_detail = _detail(error.details or [])
    facts.error_message = error.message


def _detail(details: list[_Detail]) -> str | None:
    """The quotas that were exceeded (``GenerateRequestsPerDay...``), else the reason (``API_KEY_INVALID``)."""
    reasons = [detail.reason for detail in details if detail.reason]
    quotas = [row.quota_id for detail in details for row in detail.violations or () if row.quota_id]
    return " ".join(quotas) or (reasons[0] if reasons else None)


def _output_type(config: Mapping[str, Any]) -> Any:
    if config.get("responseMimeType", config.get("response_mime_type")) == "application/json":
        return "json"
    if any(key in config for key in _SCHEMAS):
        return "json"
    stated = config.get("responseModalities", config.get("response_modalities"))
    modalities = [item.lower() for item in strings(stated) or ()]
    return next((kind for word, kind in _OUTPUTS if word in modalities), None)


_SCHEMAS = ("responseSchema", "response_schema", "responseJsonSchema", "response_json_schema")
_OUTPUTS = (("image", "image"), ("audio", "speech"), ("text", "text"))


GENERATE = Gemini("gemini", "generate_content")
