"""Apps that serve ``/metrics`` by prometheus_client: our series are there, without a change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import django
import django.test
import flask
import prometheus_client
import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from prometheus_async.aio import web
from prometheus_client import exposition
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import otel_llm
from otel_llm import catalog
from tests.prefork.app import call
from tests.prefork.scrapes import Figures, fetch


@pytest.fixture(autouse=True)
def instrumented() -> Iterator[None]:
    otel_llm.instrument(scrape_port=0)
    call()
    yield
    otel_llm.uninstrument()


def test_starlette() -> None:
    app = Starlette(routes=[Mount("/metrics", prometheus_client.make_asgi_app())])
    with TestClient(app) as client:
        text = client.get("/metrics/", headers={"Accept": "application/openmetrics-text"}).text
    assert Figures(text).calls == 1


def test_flask() -> None:
    app = flask.Flask("app")
    app.wsgi_app = DispatcherMiddleware(app.wsgi_app, {"/metrics": prometheus_client.make_wsgi_app()})
    text = app.test_client().get("/metrics", headers={"Accept": "application/openmetrics-text"}).text
    assert Figures(text).calls == 1


def test_django() -> None:
    """A view that gives out prometheus_client's page, as the apps for Django do."""
    settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"])
    django.setup()
    text = django.test.Client().get("/metrics", headers={"accept": "application/openmetrics-text"}).content.decode()
    assert Figures(text).calls == 1


def _view(request: HttpRequest) -> HttpResponse:
    page, kind = exposition.choose_encoder(request.headers.get("accept", ""))
    return HttpResponse(page(prometheus_client.REGISTRY), content_type=kind)


urlpatterns = [path("metrics", _view)]


async def test_prometheus_async() -> None:
    """Its own web server, which is aiohttp's."""
    server = await web.start_http_server(addr="127.0.0.1")
    try:
        text = await asyncio.to_thread(fetch, f"http://127.0.0.1:{server.socket.port}/metrics")
    finally:
        await server.close()
    assert Figures(text.decode()).calls == 1


def test_a_registry_of_the_app_s_own() -> None:
    """Registered once, before ``instrument()`` or after, it follows whatever is installed."""
    registry = prometheus_client.CollectorRegistry()
    registry.register(otel_llm.collector())
    shown = lambda: prometheus_client.generate_latest(registry).decode()  # noqa: E731
    name = f"{catalog.CALLS.series}{{"
    assert name in shown()
    otel_llm.uninstrument()
    assert shown() == ""
    otel_llm.instrument(scrape_port=0)
    call()
    assert name in shown()
