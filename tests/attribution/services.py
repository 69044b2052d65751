"""Two services: this process asks the one that is run here as a program, which makes an LLM call of its own.

The program's arguments are the emulator's URL and the setting ``baggage_read``. It prints its port, serves one request,
and prints as JSON what its library told of the call that it made.
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import openai
from opentelemetry import context
from opentelemetry.baggage.propagation import W3CBaggagePropagator

from otel_llm import catalog
from tests.telemetry import observed


def serve(emulator: str, baggage_read: str) -> None:
    """One request: its baggage becomes the context, as a server instrumentation has it, and a call is made in it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            # Names in lower case, as a server instrumentation's getter gives them: urllib writes "Baggage".
            token = context.attach(W3CBaggagePropagator().extract({k.lower(): v for k, v in self.headers.items()}))
            try:
                with openai.OpenAI(base_url=f"{emulator}/v1", api_key="k", max_retries=0) as client:
                    client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
            finally:
                context.detach(token)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with observed(attribution="feature,tenant,team", baggage_read=baggage_read) as telemetry:
        with HTTPServer(("127.0.0.1", 0), Handler) as server:
            print(server.server_port, flush=True)
            server.handle_request()
        rows = [sample.labels for sample in telemetry.samples() if sample.name == catalog.ATTRIBUTED_CALLS.series]
        told = {row[catalog.ATTRIBUTION_KEY]: row[catalog.ATTRIBUTION_VALUE] for row in rows}
        prefix = catalog.attribution("")
        span = {key.removeprefix(prefix): v for key, v in telemetry.one().attributes.items() if key.startswith(prefix)}
        print(json.dumps({"series": told, "span": span}), flush=True)


if __name__ == "__main__":
    serve(*sys.argv[1:])
