"""Behaviour by path prefix, for clients that take nothing but a base URL: ``/@cut2+gzip/v1/chat/completions``.

A mode is words joined by ``+``. Each word changes the reply that the script gives:

=====================  ==========================================================================================
``fail2x500-KEY``      the first two requests under this very prefix fail; status or error class; any key
``error-rate_limit``   every request fails; status or error class
``broken2-overloaded`` an error event after two chunks of a stream
``cut``, ``cut2``      the connection is cut at once; after two chunks
``stall``, ``stall2``  nothing comes at all; after two chunks
``delay0.2``           seconds before the response
``slow0.2``            seconds before the first output chunk
``gap0.2``             seconds before each further output chunk
``gzip``               compressed body
``split7``             a stream in writes of seven bytes
``empty``              no text
``length``, ``filter`` cut by the length limit, by the content filter
``refusal``            the model declines
``tool``, ``badtool``  a tool call; one with arguments that are no JSON
``cached``             cached and newly cached input
``reasoning``          reasoning tokens
``nousage``            no usage stated
``noend``              a stream without its last event
``key-ANY``            nothing: makes a prefix unique
=====================  ==========================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from otel_llm.catalog import ERROR_CLASSES, ErrorClass
from otel_llm.demo.emulator.reply import Reply, Tool, Usage

PREFIX: Final = re.compile(r"^/@([^/]+)(/.*)$")
"""Splits a path into mode and rest."""
_FAIL: Final = re.compile(r"fail(\d+)x([a-z_]+|\d{3})(?:-.*)?$")
_WORD: Final = re.compile(r"([a-z]+?)(\d+(?:\.\d+)?)?(?:-([a-z_]+|\d{3}))?$")

_TOOL: Final = Tool("get_weather", '{"city": "Vienna"}')
_PLAIN: Final[Mapping[str, Callable[[Reply], Reply]]] = {
    "gzip": lambda reply: reply.but(gzip=True),
    "empty": lambda reply: reply.but(text="", pieces=()),
    "length": lambda reply: reply.but(finish="length"),
    "filter": lambda reply: reply.but(finish="content_filter"),
    "refusal": lambda reply: reply.but(refusal=True),
    "tool": lambda reply: reply.but(tools=(_TOOL,), finish="tool_call"),
    "badtool": lambda reply: reply.but(tools=(Tool(_TOOL.name, '{"city": '),), finish="tool_call"),
    "cached": lambda reply: reply.but(usage=_used(reply, cache_read=64, cache_write=32, cache_write_1h=8)),
    "reasoning": lambda reply: reply.but(usage=_used(reply, reasoning=21)),
    "nousage": lambda reply: reply.but(usage=None),
    "noend": lambda reply: reply.but(terminator=False),
}
_COUNTED: Final[Mapping[str, Callable[[Reply, float], Reply]]] = {
    "delay": lambda reply, number: reply.but(delay=number),
    "slow": lambda reply, number: reply.but(first_delay=number),
    "gap": lambda reply, number: reply.but(chunk_delay=number),
    "split": lambda reply, number: reply.but(split=int(number)),
}


def applied(mode: str, reply: Reply, seen: int) -> Reply:
    """The reply as the mode changes it; ``seen`` counts earlier requests under the same mode.

    Raises ``ValueError`` for a word that is not in the table above."""
    for word in mode.split("+"):
        if found := _FAIL.match(word):
            if seen < int(found[1]):
                return Reply.error(_fault(found[2], word))
        elif not word.startswith("key-"):
            reply = _changed(word, reply)
    return reply


def _changed(word: str, reply: Reply) -> Reply:
    found = _WORD.match(word)
    name, number, fault = found.groups() if found else ("", None, None)
    after = None if number is None else int(float(number))
    if name in _PLAIN and number is None:
        return _PLAIN[name](reply)
    if name in _COUNTED and number is not None:
        return _COUNTED[name](reply, float(number))
    if name == "cut" or name == "stall":
        return reply.but(breaks=name, after=after, fails="network" if name == "cut" else "timeout")
    if name == "error" and fault is not None:
        return Reply.error(_fault(fault, word))
    if name == "broken" and fault is not None and after is not None:
        return Reply.error(_fault(fault, word), after=after, text=reply.text, pieces=reply.pieces)
    raise ValueError(f"emulator: unknown mode word {word!r}; otel_llm.demo.emulator.modes lists the words")


def _fault(name: str, word: str) -> ErrorClass | int:
    if name.isdecimal():
        return int(name)
    if name not in ERROR_CLASSES:
        raise ValueError(
            f"emulator: {name!r} in mode word {word!r} is no status and none of {', '.join(ERROR_CLASSES)}"
        )
    return name


def _used(reply: Reply, **counts: int) -> Usage:
    return msgspec.structs.replace(reply.usage or Usage(), **counts)
