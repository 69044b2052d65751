"""The scrape endpoint, for apps that serve no ``/metrics`` of their own."""

from __future__ import annotations

import threading
from wsgiref.simple_server import WSGIServer

from prometheus_client import REGISTRY, CollectorRegistry, start_http_server

from otel_llm.guard import logger


class Endpoint:
    """An HTTP server thread over a registry: everything that the app registered there is served too."""

    def __init__(self, server: WSGIServer, thread: threading.Thread) -> None:
        self._server = server
        self._thread = thread
        self.host, self.port = str(server.server_address[0]), int(server.server_address[1])

    def close(self) -> None:
        """Stops serving and frees the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def serve(host: str, port: int, registry: CollectorRegistry = REGISTRY) -> Endpoint | None:
    """Serves the registry. A port that cannot be had is a warning that names the setting, and ``None``."""
    try:
        server, thread = start_http_server(port, host, registry)
    except (OSError, OverflowError) as error:
        logger.warning(
            "otel-llm: no scrape endpoint on %s:%s (%s). Set OTEL_EXPORTER_PROMETHEUS_PORT, or "
            "instrument(scrape_port=...), to a free port, or OTEL_LLM_SCRAPE=off if nothing is to be served",
            host, port, error,
        )  # fmt: skip
        return None
    return Endpoint(server, thread)
