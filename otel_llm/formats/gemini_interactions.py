"""Gemini interactions: one JSON object, or a stream of typed events around it.

Source: google-genai 3.4 and recorded traffic. ``total_output_tokens`` excludes thoughts, which are added here.
"""

from __future__ import annotations

from typing import Final

import msgspec

from otel_llm.formats.facts import Facts, Usage
from otel_llm.formats.gemini import GoogleError, note_google_error
from otel_llm.formats.json_format import MODEL, SAMPLING, JsonFormat
from otel_llm.formats.reading import Fields, Shape, names, strings, text, whole


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


class _Event(_Interaction):
    """An interaction, or an event about one: the fields do not collide."""

    event_type: str | None = None
    interaction: _Interaction | None = None
    step: _Step | None = None
    delta: _Content | None = None


_read = Shape(_Event)

_MEDIA = ("audio", "document", "image", "video")
_RUNNING = (None, "in_progress", "queued")


_CONFIG: Final[Fields] = {
    **SAMPLING,
    "max_output_tokens": ("max_tokens", whole),
    "stop_sequences": ("stop_sequences", strings),
    "thinking_level": ("reasoning_level", text),
}
_REQUEST: Final[Fields] = {
    **MODEL,
    "generation_config": _CONFIG,
    "previous_interaction_id": ("previous_response", text),
    "service_tier": ("service_tier", text),
    "tools": ("tools", names),
}


class GeminiInteractions(JsonFormat[_Event]):
    """An interaction of steps, whole or as events that begin and end with it."""

    shape = _read
    fields = _REQUEST

    def note(self, answer: _Event, facts: Facts) -> None:
        _note(answer, facts)

    def note_event(self, event: _Event, facts: Facts) -> bool:
        if event.interaction is not None:
            _note(event.interaction, facts)
        if event.step is not None:
            _note_step(event.step, facts)
        if event.delta is not None:
            _note_content(event.delta, facts)
        if event.error is not None:
            note_google_error(event.error, facts)
        facts.complete = facts.complete or event.event_type in ("interaction.completed", "error")
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
        facts.text = facts.text or False
        for content in step.content or ():
            _note_content(content, facts)


def _note_content(content: _Content, facts: Facts) -> None:
    """A part of the output, or a piece of one in a stream. Thoughts are of other types."""
    if content.text and content.type in (None, "text"):
        facts.text = True
    facts.other_output = facts.other_output or content.type in _MEDIA


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


INTERACTIONS = GeminiInteractions("gemini_interactions", "generate_content")
