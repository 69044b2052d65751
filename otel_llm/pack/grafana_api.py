"""Dashboards into a running Grafana by its HTTP API: one folder, the same uids each time, nothing else touched."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator
from typing import Any, Final, Literal, cast

import msgspec

from otel_llm.pack.boards.board import TAG
from otel_llm.pack.boards.panel import Json
from otel_llm.pack.grafana import FOLDER

TIMEOUT: Final = 30.0
FOLDER_UID: Final = TAG
_MESSAGE: Final = "otel-llm dashboards push"
"""Of the versions that we save, with the hash of what we sent."""
_NOT_PUSHED: Final = ("id", "version")
"""Fields that Grafana sets by itself."""

Change = Literal["created", "updated", "unchanged"]


class GrafanaError(Exception):
    """Grafana cannot be asked or refuses; the message says what and what to do."""


class Pushed(msgspec.Struct, frozen=True):
    """What happened, or with a dry run would happen, to one dashboard."""

    uid: str
    change: Change


class Grafana:
    """A Grafana server and a service account's token with the right to write dashboards and folders."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/")
        self._token = token

    def _call(self, method: str, path: str, body: Json | None = None) -> Any:
        """Answer's body, parsed; None for 404."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return None
            hint = "; is the token right, and may it write dashboards?" if error.code in (401, 403) else ""
            said = error.read(300).decode(errors="replace")
            raise GrafanaError(f"{self._url}{path} answered {error.code}: {said}{hint}") from error
        except (OSError, ValueError) as error:
            raise GrafanaError(f"{self._url} does not answer as Grafana: {error}") from error

    def push(self, dashboards: Iterable[Json], *, dry_run: bool = False) -> Iterator[Pushed]:
        """Creates or updates dashboards that differ; yields one line for each. Raises :class:`GrafanaError`."""
        if not dry_run and self._call("GET", f"/api/folders/{FOLDER_UID}") is None:
            self._must("POST", "/api/folders", {"uid": FOLDER_UID, "title": FOLDER})
        for dashboard in dashboards:
            uid = str(dashboard["uid"])
            there = self._call("GET", f"/api/dashboards/uid/{uid}")
            change: Change = "created" if there is None else "unchanged" if self._same(dashboard, there) else "updated"
            if change != "unchanged" and not dry_run:
                body = {"dashboard": {**dashboard, "id": None}, "folderUid": FOLDER_UID, "overwrite": True,
                        "message": _message(dashboard)}  # fmt: skip
                self._must("POST", "/api/dashboards/db", body)
            yield Pushed(uid, change)

    def _same(self, dashboard: Json, there: Json) -> bool:
        """Whether the last version that was saved there is this one.

        By its message, since Grafana gives back a dashboard migrated to its own schema; where it keeps no versions, by
        content.
        """
        answer = self._call("GET", f"/api/dashboards/uid/{dashboard['uid']}/versions?limit=1")
        # A list until Grafana 11, then an object with one.
        listed = cast("Json", answer).get("versions") if isinstance(answer, dict) else answer
        versions = cast("list[Json]", listed or [])
        if versions:
            newest = max(versions, key=lambda version: int(version["version"]))
            return newest.get("message") == _message(dashboard)
        return _content(there["dashboard"]) == _content(dashboard)

    def _must(self, method: str, path: str, body: Json) -> None:
        if self._call(method, path, body) is None:
            raise GrafanaError(f"{self._url}{path} is not there: is this Grafana's address, its sub-path included?")


def _content(dashboard: Json) -> Json:
    return {key: value for key, value in dashboard.items() if key not in _NOT_PUSHED}


def _message(dashboard: Json) -> str:
    """Tells this content from any other, whatever Grafana makes of it."""
    text = json.dumps(_content(dashboard), sort_keys=True)
    return f"{_MESSAGE} {hashlib.sha256(text.encode()).hexdigest()[:16]}"
