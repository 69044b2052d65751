"""Bodies read past a library's own ways: the app gets what it gets bare, and the call is seen to its end."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

import pytest
import requests

from otel_llm.demo.emulator import Emulator
from tests.behaviour.row import CHAT, USAGE
from tests.telemetry import Telemetry, observed

Read = Callable[[Callable[[], requests.Response]], bytes]


def into(raw: Any) -> bytes:
    found, buffer = b"", bytearray(64)
    while count := raw.readinto(buffer):
        found += buffer[:count]
    return found


def pieces(read: Callable[[int], bytes]) -> bytes:
    return b"".join(iter(lambda: read(64), b""))


WAYS: dict[str, Read] = {
    # The response itself is let go at once: only what was taken of it is held.
    "stream": lambda post: b"".join(post().raw.stream(16)),
    "stream-started-late": lambda post: b"".join([post().raw.stream(16), gc.collect()][0]),
    "bound-read": lambda post: [read := post().raw.read, gc.collect(), read()][-1],
    "bound-read-in-pieces": lambda post: pieces(post().raw.read),
    "read1": lambda post: pieces(post().raw.read1),
    "read1-without-amount": lambda post: b"".join(iter(post().raw.read1, b"")),
    "read_chunked": lambda post: b"".join(post().raw.read_chunked(16)),
    "readinto": lambda post: into(post().raw),
    "iteration": lambda post: b"".join(post().raw),
    "data": lambda post: post().raw.data,
    "iter_content": lambda post: b"".join(post().iter_content(16)),
    "iter_lines": lambda post: b"\n".join(post().iter_lines()) + b"\n\n",
}


def posting(emulator: Emulator) -> Callable[[], requests.Response]:
    body = {**CHAT, **USAGE}
    return lambda: requests.post(emulator.url + "/v1/chat/completions", json=body, stream=True, timeout=5)


@pytest.mark.parametrize("read", WAYS.values(), ids=WAYS)
def test_every_way_to_read(read: Read, emulator: Emulator) -> None:
    bare = read(posting(emulator))
    with observed() as telemetry:
        emulator.clear()
        assert read(posting(emulator)) == bare
        span = telemetry.one()
        assert (span.outcome, span.tokens, span.finish) == ("success", (11, 7), ["stop"])
    assert bare.count(b"data: ") > 3


def test_class_and_methods_are_urllib3s_own(emulator: Emulator, telemetry: Telemetry) -> None:
    import urllib3

    with posting(emulator)() as response:
        assert type(response.raw) is urllib3.response.HTTPResponse
        assert response.raw.read.__self__ is response.raw
        assert not {"read", "stream", "close", "read1"} & set(vars(response.raw))


@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # as without us
def test_dropped_unread(emulator: Emulator, telemetry: Telemetry) -> None:
    """By the collector, too: the response's own finaliser closes it when references to it are gone already."""
    posting(emulator)()
    circle: list[Any] = [posting(emulator)()]
    circle.append(circle)
    del circle
    gc.collect()
    assert [span.outcome for span in telemetry.spans()] == ["abandoned"] * 2


@pytest.mark.parametrize("leave", ["close", "stop"])
def test_left_early(leave: str, emulator: Emulator, telemetry: Telemetry) -> None:
    response = posting(emulator)()
    chunks = response.raw.stream(16)
    next(chunks)
    response.close() if leave == "close" else chunks.close()
    assert telemetry.one().outcome == "abandoned"
    response.close()


def test_a_response_that_is_not_urllib3s(telemetry: Telemetry) -> None:
    """A test's own adapter: its object is left alone, and the call says that it was not read."""
    import io

    class Adapter(requests.adapters.BaseAdapter):
        def send(self, request: requests.PreparedRequest, **_: Any) -> requests.Response:  # type: ignore[override]
            response = requests.Response()
            response.status_code, response.url, response.request = 200, str(request.url), request
            response.raw = io.BytesIO(b"{}")
            return response

        def close(self) -> None:
            pass

    with requests.Session() as session:
        session.mount("http://", Adapter())
        response = session.post("http://llm.test/v1/chat/completions", json=CHAT, stream=True)
        assert response.raw.read() == b"{}"
    assert telemetry.one().tokens == (None, None)
