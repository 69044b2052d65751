"""Apps that serve ``/metrics`` by prometheus_client: our series are there, without a change."""

from __future__ import annotations

from collections.abc import Iterator

import flask
import prometheus_client
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount
from starlette.testclient import TestClient
from werkzeug.middleware.dispatcher import DispatcherMiddleware

import otel_llm
from otel_llm import catalog
from tests.prefork.app import call
from tests.prefork.scrapes import Figures


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
