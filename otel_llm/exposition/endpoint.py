"""The scrape endpoint, for apps that serve no ``/metrics`` of their own."""

from __future__ import annotations

import base64
import binascii
import errno
import hmac
import selectors
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, cast
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.exposition import (
    ThreadingWSGIServer,
    make_wsgi_app,  # pyright: ignore[reportUnknownVariableType]
)

from otel_llm.guard import logger
from otel_llm.settings import Settings

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
LAST_ANSWER: Final = 1.0
"""Seconds that the end of the endpoint waits for answers that are under way."""
_REFUSED: Final = [("WWW-Authenticate", 'Basic realm="metrics"'), ("Content-Type", "text/plain")]


class Server(ThreadingWSGIServer):
    """A server that ends as soon as it is told to: ``serve_forever`` (Python 3.11 to 3.13) looks twice a second whether
    it is, and each end of an app would wait for that."""

    timeout = 0
    """Of :meth:`handle_request`, which is called when there is a request."""

    def __init__(self, *args: Any) -> None:
        self._told, self._telling = socket.socketpair()
        self._answering: Final[set[threading.Thread]] = set()
        super().__init__(*args)

    def serve(self) -> None:
        """Serves until :meth:`end`."""
        # No epoll: a forked child would have it in common with its parent.
        with getattr(selectors, "PollSelector", selectors.SelectSelector)() as selector:
            for found in (self, self._told):
                selector.register(found, selectors.EVENT_READ)
            while not any(key.fileobj is self._told for key, _ in selector.select()):
                self.handle_request()

    def end(self) -> None:
        """Has :meth:`serve` return, in whichever thread it is."""
        self._telling.send(b"\0")

    def asked(self) -> None:
        """A request has been read, in the thread that answers it."""
        self._answering.add(threading.current_thread())

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._answering.discard(threading.current_thread())

    def answer(self, timeout: float) -> None:
        """Waits for the answers that are under way, not for clients that have asked for nothing yet."""
        deadline = time.monotonic() + timeout
        for thread in list(self._answering):
            thread.join(max(deadline - time.monotonic(), 0.0))

    def server_close(self) -> None:
        super().server_close()
        self._told.close()
        self._telling.close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Nothing: a client that went away, or speaks no TLS, is no news for the app's stderr."""


class Endpoint:
    """An HTTP server thread over a registry: everything that the app registered there is served too."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve, name="otel-llm-scrape", daemon=True)
        self._thread.start()
        self.host, self.port = str(server.server_address[0]), int(server.server_address[1])

    @property
    def url(self) -> str:
        """Address of the page."""
        scheme = "https" if isinstance(self._server.socket, ssl.SSLSocket) else "http"
        return f"{scheme}://{address(self.host, self.port)}/metrics"

    def close(self) -> None:
        """Stops serving and frees the port."""
        self._server.end()
        self._thread.join()
        self._server.answer(LAST_ANSWER)
        self._server.server_close()

    def forked(self) -> None:
        """In a forked child, which has the socket and no thread: else the port stays taken when the parent ends."""
        self._server.server_close()


class EndpointError(ValueError):
    """Settings of the endpoint that cannot be followed: it is not served, rather than served without protection."""


def serve(settings: Settings, quiet: bool = False, registry: CollectorRegistry = REGISTRY) -> Endpoint | None:
    """Serves the registry. What goes wrong is a warning that names the setting, unless ``quiet``, and ``None``."""
    host, port = settings.scrape_host, settings.scrape_port
    try:
        server = _listen(host, port, application(settings, registry), tls(settings))
    except (OSError, OverflowError, UnicodeError, EndpointError) as error:
        if not quiet:
            logger.warning(
                "otel-llm: no scrape endpoint on %s (%s). Set %s, or OTEL_LLM_SCRAPE=off if nothing is to be served",
                address(host, port), error, mend(error),
            )  # fmt: skip
        return None
    return Endpoint(server)


def address(host: str, port: int) -> str:
    """``host:port`` as in a URL: an address of IPv6 stands in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def mend(error: Exception) -> str:
    """The setting that the error is about, and what it should be."""
    absent = isinstance(error, OSError) and error.errno == errno.EADDRNOTAVAIL
    if absent or isinstance(error, socket.gaierror | UnicodeError):
        return (
            "OTEL_EXPORTER_PROMETHEUS_HOST, or instrument(scrape_host=...), to a name or address of this machine "
            "(127.0.0.1, or 0.0.0.0 for all)"
        )
    if isinstance(error, EndpointError):
        return "what it names"
    return "OTEL_EXPORTER_PROMETHEUS_PORT, or instrument(scrape_port=...), to a free port"


class _Handler(WSGIRequestHandler):
    """Logs no requests."""

    wbufsize = -1
    """Buffered: written line by line, an answer that is cut by the end of its process could be a good one without a
    body, and no series."""

    def parse_request(self) -> bool:
        found = super().parse_request()
        if found:
            cast("Server", self.server).asked()
        return found

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name in the base class
        """Nothing."""


def _listen(host: str, port: int, app: WsgiApp, context: ssl.SSLContext | None) -> Server:
    """A server that does not serve yet. Not prometheus_client's ``start_http_server`` (0.26): that one serves a
    registry before a check of passwords can be put around it.

    :raises OSError: if the address cannot be had.
    """
    family, *_, found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]

    class OfFamily(Server):
        address_family = family

    server = make_server(str(found[0]), port, app, OfFamily, handler_class=_Handler)
    if context is not None:
        # The handshake is left to the thread of each connection: a silent client must not stop the others.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


def tls(settings: Settings) -> ssl.SSLContext | None:
    """What the connections are encrypted by, ``None`` if they are not.

    :raises EndpointError: for a certificate without its key and the like.
    """
    certificate, key, authority = settings.scrape_certfile, settings.scrape_keyfile, settings.scrape_client_cafile
    if (certificate is None) != (key is None) or (authority and not certificate):
        raise EndpointError(
            "OTEL_LLM_SCRAPE_CERTFILE and OTEL_LLM_SCRAPE_KEYFILE go together, OTEL_LLM_SCRAPE_CLIENT_CAFILE with both"
        )
    if certificate is None:
        return None
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        if authority:
            context.load_verify_locations(authority)
            context.verify_mode = ssl.CERT_REQUIRED
    except OSError as error:
        files = ", ".join(filter(None, (certificate, key, authority)))
        raise EndpointError(f"no TLS by {files} (OTEL_LLM_SCRAPE_*FILE): {error}") from error
    return context


def application(settings: Settings, registry: CollectorRegistry) -> WsgiApp:
    """prometheus_client's app, behind basic authentication if the settings name a file of users.

    :raises EndpointError: if that file has no users.
    :raises OSError: if it cannot be read.
    """
    app = cast("WsgiApp", make_wsgi_app(registry))
    path = settings.scrape_users
    if path is None:
        return app
    lines = Path(path).read_text().splitlines()
    users = [line.strip().encode() for line in lines if line.strip()]
    if not users or any(b":" not in user for user in users):
        raise EndpointError(f"{path} (OTEL_LLM_SCRAPE_USERS) must have one user:password per line")
    return authenticated(app, users)


def authenticated(app: WsgiApp, users: list[bytes]) -> WsgiApp:
    """The app for whoever gives one of these ``user:password``, as HTTP's basic scheme; 401 for others."""

    def guarded(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        scheme, _, given = str(environ.get("HTTP_AUTHORIZATION", "")).partition(" ")
        try:
            credentials = base64.b64decode(given.strip(), validate=True) if scheme.lower() == "basic" else b""
        except (binascii.Error, ValueError):
            credentials = b""
        # Every user is compared, each in constant time: the time taken tells nothing.
        if sum(hmac.compare_digest(credentials, user) for user in users):
            return app(environ, start_response)
        start_response("401 Unauthorized", _REFUSED)
        return [b"Unauthorized\n"]

    return guarded
