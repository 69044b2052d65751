"""What we cost: CPU time per call and per stream chunk over the uninstrumented SDK, as percent.

    python -m tests.bench.overhead [--processes 9] [--rounds 4] [--check]

Rounds of the bare and of the instrumented SDK take turns, on an in-process transport (no sockets). Before it is
measured, a side runs until CPython has specialised its bytecode again: patching a class undoes that for both sides.
The ratio is that of the two sides' fastest calls, for the reason that ``timeit`` gives: whatever disturbs a call (a
neighbour that takes the processor's caches, an interrupt) only ever makes it slower.

Where a process happens to have its memory, and how deep in its stack the app calls, moves the ratio by several points:
CPython (3.11 to 3.14) keeps Python's frames in chunks of 16 KiB, and gives a chunk back as soon as it is left. Where
the edge of a chunk falls between two frames that take turns all the time, the bare call takes up to three times as
long. Apps call from any depth, so each process measures at another one, evenly over one chunk, and the figure is the
median of the processes' ratios.

Absolute times vary with the machine and are not printed as a promise: compare ratios of one run. With ``--check`` it
fails where a figure of the metrics alone is above its order (:data:`ORDERS`).

What runs of our code, as exact counts whatever the machine does, is in ``tests/bench/test_weight.py``.
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Final

import anthropic
import httpx2
import openai
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

import otel_llm

CHUNKS = 200
ORDERS = {"openai call": 0.16, "openai chunk": 0.04, "anthropic call": 0.30, "anthropic chunk": 0.17}
"""What the metrics may cost at most, as a share of the bare SDK's time."""
CHAT = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini-2024-07-18",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * 300}}],
    "usage": {"prompt_tokens": 20, "completion_tokens": 300, "total_tokens": 320},
}  # fmt: skip
MESSAGE = {
    "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6", "stop_reason": "end_turn",
    "stop_sequence": None, "content": [{"type": "text", "text": "word " * 300}],
    "usage": {"input_tokens": 20, "output_tokens": 300},
}  # fmt: skip


def _compact(row: object) -> str:
    """JSON without blanks, as the providers send it."""
    return json.dumps(row, separators=(",", ":"))


def _chat_stream() -> list[bytes]:
    base = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o-mini-2024-07-18"}
    rows = [{**base, "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}] * CHUNKS
    rows.append({**base, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
    rows.append({**base, "choices": [], "usage": CHAT["usage"]})
    return [b"data: " + _compact(row).encode() + b"\n\n" for row in rows] + [b"data: [DONE]\n\n"]


def _message_stream() -> list[bytes]:
    def event(kind: str, **rest: object) -> bytes:
        return f"event: {kind}\ndata: {_compact({'type': kind, **rest})}\n\n".encode()

    start = {**MESSAGE, "content": [], "stop_reason": None, "usage": {"input_tokens": 20, "output_tokens": 1}}
    delta = event("content_block_delta", index=0, delta={"type": "text_delta", "text": "word "})
    return [
        event("message_start", message=start),
        event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
        *([delta] * CHUNKS),
        event("content_block_stop", index=0),
        event("message_delta", delta={"stop_reason": "end_turn", "stop_sequence": None}, usage={"output_tokens": 300}),
        event("message_stop"),
    ]


class _Chunks(httpx2.SyncByteStream):
    def __init__(self, chunks: list[bytes]) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        yield from self._chunks


def _client(body: dict[str, object], chunks: list[bytes]) -> httpx2.Client:
    whole = _compact(body).encode()

    def handle(request: httpx2.Request) -> httpx2.Response:
        if b'"stream":true' in request.content.replace(b" ", b""):
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, stream=_Chunks(chunks))
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=whole)

    return httpx2.Client(transport=httpx2.MockTransport(handle))


def jobs() -> dict[str, tuple[Callable[[], object], int]]:
    """What is measured: name to (one call, how many of them are a side of a round)."""
    o = openai.OpenAI(api_key="k", base_url="http://bench.invalid/v1", http_client=_client(CHAT, _chat_stream()))
    a = anthropic.Anthropic(
        api_key="k", base_url="http://bench.invalid", http_client=_client(MESSAGE, _message_stream())
    )
    prompt = [{"role": "user", "content": "hello"}]
    claude = {"model": "claude-sonnet-4-6", "max_tokens": 400, "messages": prompt}
    return {
        "openai call": (lambda: o.chat.completions.create(model="gpt-4o-mini", messages=prompt), 240),
        "openai chunk": (
            lambda: list(o.chat.completions.create(model="gpt-4o-mini", messages=prompt, stream=True)),
            16,
        ),
        "anthropic call": (lambda: a.messages.create(**claude), 240),
        "anthropic chunk": (lambda: list(a.messages.create(**claude, stream=True)), 32),
    }


CHUNK: Final = 16 * 1024
"""Bytes of CPython's stack of frames at a time (``DATA_STACK_CHUNK_SIZE`` of ``pystate.c``)."""
FRAME: Final = 264
"""Bytes of one frame of :func:`_deeper`, or near enough: its variables, its own stack, and what each frame has."""


def _deeper(frames: int, run: Callable[[], float]) -> float:
    """What the function gives, called from so many frames further up."""
    a = b = c = d = e = f = g = h = i = j = k = l = m = n = o = p = q = r = None  # noqa: E741, F841
    return _deeper(frames - 1, run) if frames else run()


def _fastest(job: Callable[[], object], count: int) -> float:
    """CPU seconds of the fastest of that many calls, warm."""
    for _ in range(count):
        job()
    gc.collect()
    gc.disable()
    best = math.inf
    for _ in range(count):
        begin = time.process_time()
        job()
        best = min(best, time.process_time() - begin)
    gc.enable()
    return best


def measure(rounds: int, *, spans: bool, frames: int = 0) -> dict[str, tuple[float, float]]:
    """Bare time (seconds per call or chunk) and overhead (share) of each job, called from so many frames further up."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SpanProcessor())
    found: dict[str, tuple[float, float]] = {}
    for name, (job, count) in jobs().items():
        best = {False: math.inf, True: math.inf}
        for turn in range(rounds):
            for watched in (turn % 2 == 0, turn % 2 == 1):
                if watched:
                    otel_llm.instrument(scrape="on", scrape_port=0, tracer_provider=provider if spans else None)
                best[watched] = min(best[watched], _deeper(frames, lambda: _fastest(job, count)))  # noqa: B023
                otel_llm.uninstrument()
        bare = best[False] / (CHUNKS if name.endswith("chunk") else 1)
        found[name] = (bare, best[True] / best[False] - 1)
    return found


def _in_a_process(rounds: int, *, spans: bool, frames: int) -> dict[str, tuple[float, float]]:
    """:func:`measure` in a process of its own."""
    asked = f"measure({rounds}, spans={spans}, frames={frames})"
    code = f"import json; from {__spec__.name} import measure; print(json.dumps({asked}))"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--processes", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=4, help="of each process")
    parser.add_argument("--check", action="store_true", help="fail where the metrics cost more than their order")
    asked = parser.parse_args()
    over = False
    for spans in (False, True):
        print(f"\n{'spans and metrics' if spans else 'metrics only'} (median of {asked.processes} processes)")
        print(f"{'':18}{'bare SDK':>12}{'overhead':>10}{'from':>8}{'to':>8}")
        depths = [CHUNK * turn // asked.processes // FRAME for turn in range(asked.processes)]
        found = [_in_a_process(asked.rounds, spans=spans, frames=frames) for frames in depths]
        for name in found[0]:
            bare = statistics.median(figures[name][0] for figures in found)
            shares = sorted(figures[name][1] for figures in found)
            share = statistics.median(shares)
            order = "" if spans else f"   order {ORDERS[name]:.0%}"
            over = over or (not spans and share > ORDERS[name])
            print(f"{name:18}{bare * 1e6:9.1f} us{share:10.1%}{shares[0]:8.1%}{shares[-1]:8.1%}{order}", flush=True)
    if asked.check and over:
        sys.exit("above the order: on a loaded machine, try again; else look at tests/bench/test_weight.py")


if __name__ == "__main__":
    main()
