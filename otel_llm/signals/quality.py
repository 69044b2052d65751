"""Is an answer of use? Reasons why a successful one is not, by :data:`otel_llm.catalog.INVALID_VALUES`.

Each comes from facts that were noted while the answer was read. An answer that was cut, filtered or refused has that
one reason: that it is no JSON then follows from it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from otel_llm import guard
from otel_llm.call import Call
from otel_llm.failures import End
from otel_llm.formats.facts import Facts
from otel_llm.prices.pricing import PriceTable
from otel_llm.signals.conventions import GENERATES

_judging: Final = guard.site("summary.quality")

MALFORMED: Final = frozenset({"malformed_function_call", "malformed_tool_use"})
"""Finish reasons of Gemini and Bedrock: the model's tool call could not be read."""
CUT: Final = {"length": "truncated", "content_filter": "filtered"}
"""Normal finish reasons of an answer that is not whole."""
UNEXPECTED: Final = frozenset({"unexpected_tool_call"})
"""Gemini: a tool was called though none was offered."""


def faults(call: Call, facts: Facts, end: End, finish: list[str], prices: PriceTable) -> set[str]:
    """Why the answer of a closed call is of no use; empty if it is, or if the call did not succeed. ``facts`` are those
    of its answer, ``finish`` its normalised finish reasons."""
    found: set[str] = set()
    if end.outcome != "success" or call.request.operation not in GENERATES:
        return found
    try:
        found = _cut_short(facts, finish) or _content(facts, finish)
        if call.request.tools and facts.tools_called - call.request.tools:
            found.add("unknown_tool")
        if mismatch(call.provider, call.request.model, facts.response_model, prices):
            found.add("model_mismatch")
    except Exception as defect:
        _judging.note(defect, (call,))
    return found


def _cut_short(facts: Facts, finish: list[str]) -> set[str]:
    if facts.refused:
        return {"refused"}
    found = {CUT[reason] for reason in finish if reason in CUT}
    # Anthropic's stop reason is a filter's, too, and says "refusal"
    return {"refused"} if found and "refusal" in _words(facts) else found


def _words(facts: Facts) -> set[str]:
    """The provider's own finish reasons."""
    return {reason.lower() for reason in facts.finish_reasons.values()}


def _content(facts: Facts, finish: list[str]) -> set[str]:
    found: set[str] = set()
    malformed = unexpected = False
    if "error" in finish:
        words = _words(facts)
        malformed, unexpected = not MALFORMED.isdisjoint(words), not UNEXPECTED.isdisjoint(words)
    # A stream of Gemini's, and of some servers, has no last event.
    whole = facts.complete or facts.finish_reasons
    nothing = facts.text is False and not (facts.tools_called or facts.other_output)
    if whole and nothing and not (malformed or unexpected):
        found.add("empty")
    if facts.answers is not None and facts.answers.broken():
        found.add("invalid_json")
    arguments = facts.arguments is not None and facts.arguments.broken(objects=True)
    if arguments or facts.arguments_broken or malformed:
        found.add("invalid_tool_arguments")
    if unexpected:
        found.add("unknown_tool")
    return found


OPAQUE: Final = frozenset({"azure.ai.openai", "azure.ai.inference", "aws.bedrock", "replicate", "huggingface"})
"""Providers where the name that is asked for is a deployment, a profile or an endpoint: it names no model."""

_VERSION: Final = re.compile(
    r"[-:@_](?:\d{4}-\d\d-\d\d|\d{4}-\d\d|\d\d-\d{4}|\d\d-\d\d|\d{8}|\d{6}|\d{4}|\d{3})(?:-v\d+)?(?=$|[-:@_])"
    r"|[-:@_](?:latest|preview|exp|experimental|stable|default|free|nitro|floor|online)(?=$|[-:@_])"
    r"|-0$"
)
"""What a snapshot's name has on top of its model's: a date, a number, a stage, a route."""


def mismatch(provider: str, asked: str | None, served: str | None, prices: PriceTable) -> bool:
    """True if another model answered than the one that was asked for.

    A dated snapshot (``gpt-4o-2024-08-06``), a numbered one (``gemini-1.5-pro-002``) and what an alias stands for
    (``claude-3-5-haiku-latest``) are the same model. Only names that the price table knows are judged: any other may be
    an alias of a gateway. Deployments and profiles (Azure, Bedrock) name no model and are never judged.
    """
    if not asked or not served or asked == served or provider in OPAQUE:
        return False
    left, right = bare(asked), bare(served)
    if left == right or not right:
        return False
    if "latest" in asked and set(left.split("-")) <= set(right.split("-")):
        return False  # gemini-flash-latest is whatever Flash is the newest
    known = prices.listed(provider, asked)
    return known is not None and known != prices.listed(provider, served)


@lru_cache(maxsize=1024)
def bare(name: str) -> str:
    """A model's name without path, date, number and stage; empty if nothing but those is in it."""
    name = name.lower().rpartition("/")[2] if not name.startswith("ft:") else name.lower()
    while (shorter := _VERSION.sub("", name)) != name:
        name = shorter
    return name if any(sign.isalpha() for sign in name) else ""
