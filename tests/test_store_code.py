"""Which code results on disk depend on: what is imported by the code that computes them, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import grimp
import pytest

from icldiag.store import only_shows

PACKAGE = Path(__file__).parent.parent / "icldiag"
# What computing code imports for a sentence in its own answers' text: it changes no number.
SAID = {"icldiag.analyses.result", "icldiag.analyses.circuits.reading"}


def module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


ANALYSES = {module(path): path for path in (PACKAGE / "analyses").rglob("*.py")}
PACKAGES = {name for name, path in ANALYSES.items() if path.name == "__init__.py"}
REQUESTS = {
    name for name, path in ANALYSES.items() if re.search(r"^class \w+\(.*Request\[", path.read_text("utf-8"), re.M)
}


@pytest.fixture(scope="module")
def graph() -> grimp.ImportGraph:
    return grimp.build_graph("icldiag", exclude_type_checking_imports=True, cache_dir=None)


def imported(graph: grimp.ImportGraph, through: set[str]) -> set[str]:
    """All that the requests' files import, directly or through these modules."""
    found, ways = set(REQUESTS), list(REQUESTS)
    while ways:
        further = graph.find_modules_directly_imported_by(ways.pop()) - found
        found |= further
        ways += further & through
    return found


def test_what_no_request_imports_may_change_and_the_results_stay(graph: grimp.ImportGraph) -> None:
    needed = imported(graph, graph.modules)
    forgotten = {name for name in ANALYSES.keys() - needed - PACKAGES if not only_shows(ANALYSES[name])}
    assert forgotten == set(), "these only show results: name them in _SHOWING of icldiag/store.py"


def test_what_a_request_imports_is_part_of_what_its_results_depend_on(graph: grimp.ImportGraph) -> None:
    needed = imported(graph, graph.modules - PACKAGES)  # an __init__ offers everything, whatever is taken from it
    shown = {name for name in ANALYSES.keys() & needed - PACKAGES if only_shows(ANALYSES[name])}
    assert shown == SAID, "if it computes, its name may not be in _SHOWING of icldiag/store.py"


def test_every_folder_is_a_package_that_the_rooms_contract_sees(graph: grimp.ImportGraph) -> None:
    assert {module(path) for path in PACKAGE.rglob("*.py")} == graph.modules
