"""Terms are found as screens write them, explained in a sentence, and the same in the docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from icldiag.glossary import as_markdown, terms, terms_in

DOCS = Path(__file__).parent.parent / "docs"
SCREENS = sorted((Path(__file__).parent / "tui" / "screens").glob("*.txt"))

# Beginnings of words of the field that a screen must not leave unexplained.
FIELD = re.compile(
    r"""\b(?:
    ablat|attend|attent|attribut|AUC|backward|bias|bootstrap|calibrat|candidate|cluster|confiden|correlat|cosine|
    counterfact|demonstrat|distribut|draw|embed|entropy|epoch|F1|forerunner|forward|gradient|head|logit|loyal|Mantel|
    McNemar|MLP|nats?\b|neighbo|neuron|norm\b|patch|percentile|perplex|permut|prior|residual|rotary|salien|score|seed|
    separab|significan|softmax|Spearman|steer|sweep|template|token|variance|vector|weight
    )\w*""",
    re.IGNORECASE | re.VERBOSE,
)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("The lead is 2.1 nats (p = 0.03).", {"lead", "nat", "p"}),
        ("heads 21.7 ablated", {"head"}),
        ("label\n   loyalty 0.50", {"label loyalty"}),
        ("AUCROC 0.7 and AUC 0.8", {"AUCROC", "AUC"}),
        ("misleading, anchored, clear-cut-ish words; apple", {"cut"}),
        ("McNemar p 0.250", {"McNemar's test", "p"}),
        ("", set()),
    ],
)
def test_terms_are_found_as_whole_words(text: str, names: set[str]) -> None:
    assert {term.name for term in terms_in(text)} == names


def test_each_is_one_sentence_and_has_one_name() -> None:
    assert len({term.name for term in terms()}) == len(terms())
    for term in terms():
        assert term.meaning[0].isupper()
        assert term.meaning.endswith(".")
        assert ". " not in term.meaning
        assert term.is_in(term.name) or term.patterns, term.name


def test_the_page_is_the_glossary() -> None:
    assert (DOCS / "glossary.md").read_text() == as_markdown(), "run python tools/pages.py"


@pytest.mark.parametrize("screen", SCREENS, ids=lambda path: path.stem)
def test_every_word_of_the_field_on_a_screen_is_explained(screen: Path) -> None:
    panel = "\n".join(line.rsplit("│", 1)[-1] for line in screen.read_text(encoding="utf-8").split("\n"))
    text = " ".join(panel.split())
    explained = [found.span() for term in terms() for found in term.pattern.finditer(text)]
    words = FIELD.finditer(text)
    unexplained = [word[0] for word in words if not any(first <= word.start() < end for first, end in explained)]
    assert not unexplained, f"in icldiag/glossary.yaml there is no entry for {unexplained}"
