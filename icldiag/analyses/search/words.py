"""Candidate: words from the labels' names, where a label word is no part of its label's name. It needs no text."""

from __future__ import annotations

from dataclasses import replace

from icldiag.analyses.search.repair import Repair, change
from icldiag.analyses.search.search import Search
from icldiag.prompt.label_wording import from_names, renamed


def words_from_names(search: Search) -> list[Repair]:
    """One change of all such words, or none."""
    labels = from_names(search.prompt.labels, search.prompt.demonstrations)
    if labels is None:
        return []
    name = f"label words from the names ({renamed(search.prompt.labels, labels)})"
    return [change("names", name, replace(search.prompt, labels=labels), "words from the names")]
