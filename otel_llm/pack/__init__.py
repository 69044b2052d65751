"""The pack: dashboards, rules and runbooks, built from the catalogue.

``signals`` says what can be measured, ``records``, ``alerts`` and ``boards`` ask it, ``export`` writes files.
"""

from __future__ import annotations

from otel_llm.pack.config import PackConfig, SettingError, configure, settings
from otel_llm.pack.inventory import PackQuery, queries

__all__ = ["PackConfig", "PackQuery", "SettingError", "configure", "queries", "settings"]
