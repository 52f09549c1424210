"""What came of the prompts, for a terminal, as Markdown, and as JUnit's XML for the page of a build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from icldiag.counting import counted
from icldiag.page.blocks import Page, Part, Table
from icldiag.shipped import shown_name
from icldiag.suite.requirements import Outcome
from icldiag.visible import visible


@dataclass(frozen=True)
class PromptResult:
    """`error` is why a prompt could not be judged; the outcomes before it stand."""

    path: Path
    outcomes: tuple[Outcome, ...]
    seconds: float
    error: str | None = None

    @property
    def name(self) -> str:
        return shown_name(self.path)

    @property
    def passes(self) -> bool:
        return self.error is None and all(outcome.holds for outcome in self.outcomes)


def page_of_results(results: Sequence[PromptResult], model: str) -> Page:
    """A row for each requirement of each prompt, what fails first."""
    rows: list[tuple[str, str, str, str]] = []
    for result in results:
        rows += [
            ("passes" if outcome.holds else "FAILS", result.name, outcome.requirement, outcome.text)
            for outcome in result.outcomes
        ]
        if result.error is not None:
            rows.append(("ERROR", result.name, "", result.error))
    rows.sort(key=lambda row: ("ERROR", "FAILS", "passes").index(row[0]))
    good = sum(result.passes for result in results)
    reading = f"{good} of {counted(len(results), 'prompt')} {'passes' if good == 1 else 'pass'}."
    table = Table(
        "requirements",
        "What is required of each prompt, failures first.",
        ("", "prompt", "requirement", "measured"),
        tuple(rows),
    )
    return Page(
        title="icldiag: prompts tested",
        facts=(f"model: {model}",),
        summary={},
        parts=(Part("requirements", "Requirements", reading, (table,)),),
    )


def as_junit(results: Sequence[PromptResult]) -> str:
    """A test suite for each prompt, a test case for each requirement, as build servers read it."""
    root = ElementTree.Element("testsuites", name="icldiag")
    for result in results:
        failures = sum(not outcome.holds for outcome in result.outcomes)
        errors = int(result.error is not None)
        name = visible(result.name)
        suite = ElementTree.SubElement(
            root,
            "testsuite",
            name=name,
            tests=str(len(result.outcomes) + errors),
            failures=str(failures),
            errors=str(errors),
            time=f"{result.seconds:.3f}",
        )
        for outcome in result.outcomes:
            case = ElementTree.SubElement(suite, "testcase", classname=name, name=outcome.requirement)
            if outcome.holds:
                ElementTree.SubElement(case, "system-out").text = visible(outcome.text)
            else:
                ElementTree.SubElement(case, "failure", message=visible(outcome.text)).text = visible(outcome.text)
        if result.error is not None:
            case = ElementTree.SubElement(suite, "testcase", classname=name, name="answers")
            ElementTree.SubElement(case, "error", message=visible(result.error)).text = visible(result.error)
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'
