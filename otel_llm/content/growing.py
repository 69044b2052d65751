"""Parts of an answer that come in pieces: texts, reasoning and tool calls grow until the stream ends."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final, Literal

import msgspec

from otel_llm.content import message
from otel_llm.content.message import Budget, Message, Part

CHOICES: Final = 16
"""Choices of an answer that are kept."""
PARTS: Final = 256
"""Parts of a choice that are kept."""

Kind = Literal["text", "reasoning", "tool_call", "whole"]


class _Grown(msgspec.Struct):
    kind: Kind
    pieces: list[str] = []
    """Within the budget already."""
    name: str = ""
    call_id: str = ""
    whole: Part | None = None

    def part(self) -> Part:
        if self.whole is not None:
            return self.whole
        said = "".join(self.pieces)
        room = Budget(2 * len(said) + 256)
        if self.kind == "tool_call":
            return message.tool_call(self.name, said, self.call_id, room)
        return message.reasoning(said, room) if self.kind == "reasoning" else message.text(said, room)


class Growing:
    """An answer's choices, each a list of parts. A format whose events name the part that they go on with gives its
    ``place``; otherwise a piece goes on with the choice's last part, if that is of the same kind."""

    def __init__(self, limit: int) -> None:
        self.budget = Budget(limit)
        self._choices: dict[int, dict[Hashable, _Grown]] = {}

    def full(self) -> bool:
        """Whether there is no room left for what comes."""
        self.budget.cut = self.budget.cut or self.budget.left <= 0
        return self.budget.left <= 0

    def text(self, piece: object, choice: int = 0, place: Hashable = None) -> None:
        self._grow("text", piece, choice, place)

    def reasoning(self, piece: object, choice: int = 0, place: Hashable = None) -> None:
        self._grow("reasoning", piece, choice, place)

    def call(
        self, place: Hashable, name: object = None, call_id: object = None, arguments: object = None, choice: int = 0
    ) -> None:
        """Something of a tool call, whose arguments are JSON in pieces."""
        grown = self._at("tool_call", choice, place)
        if grown is None:
            return
        grown.name = grown.name or self.budget.text(name)
        grown.call_id = grown.call_id or self.budget.text(call_id)
        if isinstance(arguments, str):
            grown.pieces.append(self.budget.text(arguments))

    def whole(self, part: Part, choice: int = 0) -> None:
        """A part that came at once, and has been through the budget."""
        grown = self._at("whole", choice, None)
        if grown is not None:
            grown.whole = part

    def messages(self, role: object = "assistant") -> list[Message]:
        """One per choice."""
        return [
            message.said(role, *(grown.part() for grown in grown_parts.values()))
            for _, grown_parts in sorted(self._choices.items())
        ]

    def _grow(self, kind: Kind, piece: object, choice: int, place: Hashable) -> None:
        if not isinstance(piece, str) or not piece:
            return
        grown = self._at(kind, choice, place)
        if grown is not None:
            grown.pieces.append(self.budget.text(piece))

    def _at(self, kind: Kind, choice: int, place: Hashable) -> _Grown | None:
        """The part that grows; ``None`` if there are too many."""
        if choice not in self._choices and len(self._choices) >= CHOICES:
            self.budget.cut = True
            return None
        parts = self._choices.setdefault(choice, {})
        if place is None:
            last = next(reversed(parts.values()), None)
            if last is not None and last.kind == kind and kind != "whole":
                return last
            place = ("next", len(parts))
        if place not in parts:
            if len(parts) >= PARTS:
                self.budget.cut = True
                return None
            parts[place] = _Grown(kind)
        return parts[place]
