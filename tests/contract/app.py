"""An app that calls an LLM through the OpenAI SDK: run as a process of its own, or by gunicorn with many workers.

``/call`` makes one call. ``/first`` opens a stream of each model, answers, and reads them on when the file ``HOLD``
exists: calls that take their time, as an app's first ones do. Both answer with the process's pid.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import openai

import otel_llm
from otel_llm.demo.emulator import CALL_HEADER

MODELS = ("gpt-5.1", "gpt-5-mini")
HOLD_LIMIT = 120.0
"""Seconds after which a stream that is held is read on, whoever forgot it."""


@cache
def client() -> openai.OpenAI:
    """Made in the worker: connections do not survive a fork."""
    return openai.OpenAI(base_url=os.environ["EMULATOR"] + "/v1", api_key="sk-demo")


def create(model: str, **more: Any) -> Any:
    name = uuid.uuid4().hex
    messages: Any = [{"role": "user", "content": f"Question {name}"}]  # no two calls are duplicates
    return client().chat.completions.create(
        model=model, messages=messages, extra_headers={CALL_HEADER: name}, **more
    )  # fmt: skip


def call() -> None:
    """One call that ends as the emulator decides."""
    try:
        create(MODELS[int.from_bytes(os.urandom(1)) % len(MODELS)])
    except openai.APIError:
        return


def first() -> None:
    streams = [create(model, stream=True, stream_options={"include_usage": True}) for model in MODELS]

    def read() -> None:
        hold, deadline = Path(os.environ["HOLD"]), time.monotonic() + HOLD_LIMIT
        while not hold.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        for stream in streams:
            list(stream)

    threading.Thread(target=read).start()


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    {"/call": call, "/first": first}.get(environ["PATH_INFO"], lambda: None)()
    body = str(os.getpid()).encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body]


class _Server(ThreadingMixIn, WSGIServer):
    """On a socket that was opened by somebody else."""

    def server_bind(self) -> None:
        self.server_name, self.server_port = "127.0.0.1", self.socket.getsockname()[1]
        self.setup_environ()


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def main() -> None:
    server = _Server(("127.0.0.1", 0), _Quiet, bind_and_activate=False)
    server.socket.close()
    server.socket = socket.socket(fileno=int(sys.argv[1]))
    server.server_bind()
    server.set_app(wsgi)
    server.serve_forever()


if "EMULATOR" in os.environ:  # started as an app, and not imported by the tests for its names
    otel_llm.instrument()
if __name__ == "__main__":
    main()
