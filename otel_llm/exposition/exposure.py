"""Exposure: our series in prometheus_client's registry, the endpoint, and which of several workers serves it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from opentelemetry.sdk.environment_variables import OTEL_RESOURCE_ATTRIBUTES
from opentelemetry.sdk.resources import SERVICE_INSTANCE_ID, Resource
from prometheus_client import REGISTRY

from otel_llm.catalog import ATTRIBUTION_VALUE, label_name
from otel_llm.exposition.collector import LedgerCollector
from otel_llm.exposition.endpoint import Endpoint
from otel_llm.guard import guarded
from otel_llm.settings import Settings, keys
from otel_llm.signals.ledger import Labels, Ledger, Rows

if TYPE_CHECKING:  # not on Windows, which has neither fork nor fcntl
    from otel_llm.prefork.family import Family
    from otel_llm.prefork.files import Inherited
    from otel_llm.prefork.membership import Membership
    from otel_llm.prefork.totals import Names

FORKS: Final = hasattr(os, "fork")
NAMES_CAP: Final = 100
"""Least cap of a label's values in the sum over workers; closed label sets must fit."""

Serve = Callable[[bool], "Endpoint | None"]
"""Serves the endpoint; without a warning if the argument is True."""


class Exposure:
    """How this process's series are scraped. Alone until something speaks for siblings: a fork, a prefork server, a
    setting. Then its ledger lives in a file of the family's directory, and what is shown is the sum."""

    def __init__(
        self, settings: Settings, ledger: Ledger, *, before: Callable[[], None], app_meters: Callable[[], bool],
        serve: Serve,
    ) -> None:  # fmt: skip
        self._settings = settings
        self._ledger = ledger
        self._app_meters = app_meters
        self._serve = serve
        self._family = _family(settings)
        self._membership: Membership | None = None
        self._inherited: Sequence[Inherited] = ()
        self._names: Names | None = None
        self._exposed = settings.scrape != "off"
        self._leading = threading.Lock()
        self._joining = threading.RLock()
        self._warned = False
        self._resource: Final = {key: str(value) for key, value in Resource.create().attributes.items()}
        self.endpoint: Endpoint | None = None
        self.collector: Final = LedgerCollector(
            self.rows, self._target, semconv=settings.semconv, before=before, wanted=self.wanted
        )

    def wanted(self) -> bool:
        """Whether series are shown: not if metrics go to the app's own provider, unless it is asked for."""
        return self._settings.scrape != "auto" or not self._app_meters()

    def start(self) -> None:
        """Registers the collector, and serves if the app has no metrics of its own."""
        if not self._exposed:
            return
        REGISTRY.register(self.collector)
        if self._family is not None and not self._family.alone:
            self.join()
        self._lead()

    def expose(self) -> None:
        """The app asked for the collector itself, to put it into a registry of its own."""
        self._exposed = True

    def join(self) -> None:
        """There are siblings, or will be. Several threads may learn it at once; each goes on when it is done."""
        with self._joining:
            if self._membership is None and self._exposed and self._family is not None and self.wanted():
                from otel_llm.prefork.membership import Membership

                self._names = _names(self._settings)
                made = Membership(self._family, self._ledger, self._names, self._lead, self._inherited)
                made.join()
                if self.endpoint is not None:
                    made.lead()
                self._membership = made

    def forked(self) -> None:
        """In a forked child: lets go of the parent's files and socket. It joins when it makes its first call."""
        if self._membership is not None:
            self._inherited = self._membership.forked()
        if self.endpoint is not None:
            self.endpoint.forked()
        self._membership = self._names = self.endpoint = None
        self._leading, self._joining = threading.Lock(), threading.RLock()
        self._family = self._family and self._family.child()

    def rows(self) -> Rows:
        """The sum over all workers, or this process's own series if it is alone."""
        if self._membership is None and self._family is not None and not self._family.alone:
            self.join()
        return self._ledger if self._membership is None else self._membership.rows()

    def replaced(self) -> list[tuple[Labels, float]]:
        """Label values that became ``other`` in the sum over workers, by label."""
        return [((label_name(label),), float(n)) for label, n in self._names.overflowed.items()] if self._names else []

    def closing(self) -> list[Callable[[], object]]:
        """Steps that leave the figures to the family, and free port, thread and registry."""
        steps: list[Callable[[], object]] = []
        if self._membership is not None:
            steps.append(self._membership.leave)
        if self.endpoint is not None:
            steps.append(self.endpoint.close)
        return [*steps, self._unregister]

    def _unregister(self) -> None:
        if self._settings.scrape != "off":
            with suppress(KeyError):  # the app has emptied the registry, as tests' fixtures do
                REGISTRY.unregister(self.collector)

    @guarded("exposure.lead")
    def _lead(self) -> None:
        """Serves, if nobody of the family does. Asked again every second, since whoever serves may die."""
        if self._settings.scrape == "off" or not self.wanted() or not self._leading.acquire(blocking=False):
            return
        try:
            if self.endpoint is None and self._leads():
                self.endpoint = self._serve(self._warned)
                self._warned = self.endpoint is None
        finally:
            self._leading.release()

    def _leads(self) -> bool:
        with self._joining:  # whoever is about to join is no longer alone
            return self._membership is None or self._membership.lead()

    def _target(self) -> dict[str, str]:
        """Resource attributes as labels. A sum is nobody's instance: a random id would change with who answers."""
        given = SERVICE_INSTANCE_ID in os.environ.get(OTEL_RESOURCE_ATTRIBUTES, "")
        hidden = set[str]() if self._membership is None or given else {SERVICE_INSTANCE_ID}
        return {label_name(key): value for key, value in self._resource.items() if key not in hidden}


def _names(settings: Settings) -> Names:
    from otel_llm.prefork.totals import Names

    # The values of all keys stand under one label.
    attributed = settings.attribution_cap * len(keys(settings.attribution))
    return Names(max(settings.model_cap, NAMES_CAP), {ATTRIBUTION_VALUE: max(attributed, 1)})


def _family(settings: Settings) -> Family | None:
    if not FORKS:
        return None
    from otel_llm.prefork import family

    return family.find(settings.prefork_dir)
