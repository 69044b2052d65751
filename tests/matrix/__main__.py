"""Runs cells and prints a table of what passed; exits with 1 if any failed."""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.matrix.cells import CLIENTS, FRAMEWORKS, Cell, ends

REPOSITORY = Path(__file__).resolve().parents[2]
BASE = ("-e", f"{REPOSITORY}[cli]", "pytest", "pytest-asyncio", "pydantic", "hypothesis")
"""What every cell needs besides its SDK."""
TIMEOUT = 600
"""Seconds for one cell's tests."""
COUNTS = re.compile(r"(\d+) (passed|failed|errors?|skipped)")


@dataclass
class Result:
    cell: Cell
    versions: str = ""
    counts: str = ""
    seconds: float = 0.0
    passed: bool = False
    output: str = ""


def main() -> int:
    asked = arguments()
    cells = chosen(asked)
    if asked.list:
        print("\n".join(cell.name for cell in cells))
        return 0
    with ThreadPoolExecutor(asked.jobs) as pool:
        results = list(pool.map(lambda cell: run(cell, asked.dir), cells))
    for result in results:
        if not result.passed:
            print(f"----- {result.cell.name}\n{result.output}")
    print(table(results))
    return 0 if all(result.passed for result in results) else 1


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.matrix", description=__doc__)
    parser.add_argument("names", nargs="*", help="clients or frameworks; none: all")
    parser.add_argument("--ci", action="store_true", help="only the oldest and the newest of each client")
    parser.add_argument("--list", action="store_true", help="show the cells and stop")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="cells at a time")
    parser.add_argument("--dir", type=Path, default=REPOSITORY / "build" / "matrix", help="where environments are kept")
    return parser.parse_args()


def chosen(asked: argparse.Namespace) -> list[Cell]:
    known = {**CLIENTS, **FRAMEWORKS}
    if unknown := set(asked.names) - set(known):
        sys.exit(f"tests.matrix: no such client: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    groups = [cells for name, cells in known.items() if not asked.names or name in asked.names]
    return [cell for cells in groups for cell in (ends(cells) if asked.ci else cells)]


def run(cell: Cell, folder: Path) -> Result:
    """Makes the cell's environment and runs its tests in it."""
    result, start = Result(cell), time.monotonic()
    environment = folder / re.sub(r"[^\w.]+", "-", cell.name)
    try:
        python = made(environment, cell)
        result.versions = versions(python, cell)
        done = subprocess.run(
            [python, "-m", "pytest", "--no-header", "--tb=short", "-p", "no:cacheprovider", *cell.tests],
            cwd=REPOSITORY, env={**os.environ, "BEHAVIOUR_SDK": cell.sdk}, capture_output=True, text=True,
            timeout=TIMEOUT,
        )  # fmt: skip
        result.output = done.stdout[-4000:] + done.stderr[-1000:]
        result.passed = done.returncode == 0
        result.counts = ", ".join(" ".join(found) for found in COUNTS.findall(done.stdout.strip().rpartition("\n")[2]))
    except (subprocess.SubprocessError, OSError) as error:
        result.output = f"{error}\n{getattr(error, 'stderr', '') or ''}"
    result.seconds = time.monotonic() - start
    print(f"{cell.name}: {verdict(result)}", flush=True)  # a whole run takes minutes
    return result


def verdict(result: Result) -> str:
    return "passed" if result.passed else "FAILED"


def made(environment: Path, cell: Cell) -> Path:
    """The interpreter of an environment with the newest releases that the requirements allow."""
    python = environment / "bin" / "python"
    uv = shutil.which("uv") or shutil.which("uv", path=str(Path(sys.executable).parent))
    needs = [*BASE, *cell.requirements]
    if uv:
        if not python.exists():
            quiet(uv, "venv", "-q", "--python", sys.executable, str(environment))
        quiet(uv, "pip", "install", "-q", "--upgrade-package", cell.requirements[0], "--python", str(python), *needs)
    else:
        if not python.exists():
            quiet(sys.executable, "-m", "venv", str(environment))
        quiet(str(python), "-m", "pip", "install", "-q", "--upgrade", *needs)
    return python


def quiet(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True)


def versions(python: Path, cell: Cell) -> str:
    """Installed release of each requirement."""
    names = [re.split(r"[<>=\[]", requirement)[0] for requirement in cell.requirements]
    program = f"from importlib.metadata import version; print(', '.join(n + ' ' + version(n) for n in {names!r}))"
    return subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def table(results: list[Result]) -> str:
    lines = ["| release | tests | seconds | result |", "|---|---|---:|---|"]
    for result in results:
        release = result.versions or result.cell.name
        lines.append(f"| {release} | {result.counts} | {result.seconds:.0f} | {verdict(result)} |")
    failed = sum(not result.passed for result in results)
    return "\n".join([*lines, "", f"{len(results) - failed} passed, {failed} failed"])


if __name__ == "__main__":
    sys.exit(main())
