"""The tables of the README, made of what they describe: ``python -m tests.readme`` writes them.

``tests/test_readme.py`` fails where one is stale.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from otel_llm.settings import SPECS, Settings
from tests.matrix import cells

README = Path(__file__).parents[1] / "README.md"
SHARED = Path(os.environ.get("OTEL_LLM_SHARED", README.parent.parent / "shared"))


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def settings() -> str:
    """Every setting with its keyword, variables, values and default."""
    rows: list[tuple[str, ...]] = []
    for spec in SPECS:
        variables = f"`{spec.variable}`" + (f", `{spec.standard}`" if spec.standard else "")
        default = getattr(Settings(), spec.name)
        shown = "" if default in (None, "") else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        rows.append((f"`{spec.name}`", variables, spec.allowed, shown, spec.help))
    return table(("Keyword", "Variable", "Values", "Default", "Meaning"), rows)


def clients() -> str:
    """Every client and framework with the releases that the matrix runs."""
    rows = [(f"`{name}`", "client", _releases(found)) for name, found in cells.CLIENTS.items()]
    rows += [(f"`{name}`", "framework on top", _releases(found)) for name, found in cells.FRAMEWORKS.items()]
    return table(("Package", "Kind", "Releases in the version matrix"), rows)


def _releases(found: tuple[cells.Cell, ...]) -> str:
    def words(requirement: str) -> str:
        name = re.split(r"[=<>\[]", requirement, maxsplit=1)[0]
        release = requirement.removeprefix(name)
        if "==" in release:
            return release.removeprefix("==")
        return f"newest below {release.removeprefix('<')}" if release.startswith("<") else "newest"

    return ", ".join(" with ".join([words(cell.requirements[0]), *cell.requirements[1:]]) for cell in found)


def recordings() -> str:
    """How many recorded exchanges agree, by provider and operation. Needs the recordings."""
    from tests.formats.recordings import as_table, rows

    return as_table(rows(SHARED))


SECTIONS = {"settings": settings, "clients": clients, "recordings": recordings}


def section(text: str, name: str) -> re.Match[str]:
    """Where a section stands; group 2 is its content."""
    found = re.search(rf"(<!-- {name}[^>]*-->\n)(.*?)(<!-- /{name} -->)", text, re.DOTALL)
    if found is None:
        raise LookupError(f"README.md has no section {name}")
    return found


def main() -> None:
    text = README.read_text()
    for name, made in SECTIONS.items():
        place = section(text, name)
        text = text[: place.start(2)] + made() + "\n" + text[place.end(2) :]
    README.write_text(text)


if __name__ == "__main__":
    sys.exit(main())
