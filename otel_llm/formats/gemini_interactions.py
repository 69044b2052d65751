"""Gemini interactions: one JSON object, or a stream of typed events around it.

Source: google-genai 3.4 and recorded traffic. ``total_output_tokens`` excludes thoughts, which are added here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from otel_llm.formats.facts import Facts, Request, Usage
from otel_llm.formats.gemini import GoogleError, note_google_error
from otel_llm.formats.reading import Shape, mapping, number, rows, strings, text, whole


class _Usage(msgspec.Struct):
    total_input_tokens: int | None = None
    total_output_tokens: int | None = None
    total_thought_tokens: int | None = None
    total_cached_tokens: int | None = None
    total_tool_use_tokens: int | None = None


class _Content(msgspec.Struct):
    type: str | None = None
    text: str | None = None


class _Step(msgspec.Struct):
    type: str | None = None
    name: str | None = None
    content: list[_Content] | None = None


class _Interaction(msgspec.Struct):
    id: str | None = None
    model: str | None = None
    status: str | None = None
    usage: _Usage | None = None
    service_tier: str | None = None
    steps: list[_Step] | None = None
    error: GoogleError | None = None


class _Event(msgspec.Struct):
    event_type: str | None = None
    interaction: _Interaction | None = None
    step: _Step | None = None
    delta: _Content | None = None
    error: GoogleError | None = None


_read = Shape(_Interaction)
_read_event = Shape(_Event)

_MEDIA = ("audio", "document", "image", "video")
_RUNNING = (None, "in_progress", "queued")


class GeminiInteractions:
    name = "gemini_interactions"
    terminated = True

    def request(self, body: Mapping[str, Any]) -> Request:
        config = mapping(body.get("generation_config"))
        return Request(
            operation="generate_content",
            model=text(body.get("model")),
            stream=body.get("stream") is True,
            max_tokens=whole(config.get("max_output_tokens")),
            temperature=number(config.get("temperature")),
            top_p=number(config.get("top_p")),
            seed=whole(config.get("seed")),
            stop_sequences=strings(config.get("stop_sequences")),
            reasoning_level=text(config.get("thinking_level")),
            previous_response=text(body.get("previous_interaction_id")),
            service_tier=text(body.get("service_tier")),
            tools=frozenset(name for row in rows(body.get("tools")) if (name := text(row.get("name")))),
        )

    def body(self, data: bytes, facts: Facts) -> None:
        interaction = _read(data)
        if interaction is None:
            facts.undecodable = "syntax"
            return
        _note(interaction, facts)
        facts.complete = True

    def event(self, data: bytes, facts: Facts) -> bool:
        if data == b"[DONE]":
            facts.complete = True
            return False
        event = _read_event(data)
        if event is None:
            facts.undecodable = "syntax"
            return True
        if event.interaction is not None:
            _note(event.interaction, facts)
        if event.step is not None:
            _note_step(event.step, facts)
        if event.delta is not None and event.delta.type == "text" and event.delta.text:
            facts.text = True
        if event.delta is not None and event.delta.type in _MEDIA:
            facts.other_output = True
        if event.error is not None:
            note_google_error(event.error, facts)
        if event.event_type in ("interaction.completed", "error"):
            facts.complete = True
        return True


def _note(interaction: _Interaction, facts: Facts) -> None:
    facts.response_id = interaction.id or facts.response_id
    facts.response_model = interaction.model or facts.response_model
    facts.service_tier = interaction.service_tier or facts.service_tier
    if interaction.usage is not None:
        facts.usage = _usage(interaction.usage) or facts.usage
    if interaction.status not in _RUNNING:
        facts.finish_reasons[0] = interaction.status or ""
    for step in interaction.steps or ():
        _note_step(step, facts)
    if interaction.error is not None:
        note_google_error(interaction.error, facts)


def _note_step(step: _Step, facts: Facts) -> None:
    if step.type == "function_call" and step.name:
        facts.tools_called.add(step.name)
    if step.type == "model_output":
        facts.text = facts.text or any(content.text for content in step.content or ())
        facts.other_output = facts.other_output or any(content.type in _MEDIA for content in step.content or ())


def _usage(stated: _Usage) -> Usage | None:
    said, thought = stated.total_output_tokens, stated.total_thought_tokens
    asked, fed = stated.total_input_tokens, stated.total_tool_use_tokens
    if asked is None and said is None and thought is None:
        return None
    return Usage(
        input=None if asked is None else asked + (fed or 0),
        output=None if said is None and thought is None else (said or 0) + (thought or 0),
        cache_read=stated.total_cached_tokens,
        reasoning=thought,
    )


INTERACTIONS = GeminiInteractions()
