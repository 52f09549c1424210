"""Demonstrations chosen for each query: the nearest ones, never the query itself, and what cannot be said then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from icldiag.classifier.scorer import LabelScorer
from icldiag.clients.text import text_with_placeholder
from icldiag.clients.write import write_for_clients
from icldiag.errors import AnalysisError, PromptError
from icldiag.prompt import retrieval
from icldiag.prompt.encode import encode, query_tokens
from icldiag.prompt.read import read_prompt
from icldiag.prompt.retrieval import Retrieval
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.write import as_yaml
from icldiag.session import Session
from tests.conftest import Tiny, tiny_tokenizer

EXAMPLES = (
    Example("Who swam the river at night ?", 0),
    Example("Where does the river end ?", 1),
    Example("How many bridges cross the sea ?", 2),
    Example("who swam, the river: at NIGHT", 0),  # the first one's words
    Example("Where is the opera ?", None),
)


@pytest.fixture
def choosing(prompt: Prompt) -> Prompt:
    return replace(prompt, examples=EXAMPLES, retrieval=Retrieval(2))


def test_the_nearest_stand_last_and_a_text_never_gets_itself(choosing: Prompt) -> None:
    asked = Example("Where does the river end , and where is the sea ?", None)
    assert choosing.retrieved(asked) == [EXAMPLES[2], EXAMPLES[1]]
    assert choosing.retrieved(EXAMPLES[0]) == [EXAMPLES[2], EXAMPLES[1]]  # nor one of the same words
    assert EXAMPLES[4] not in choosing.retrieved(Example("Where is the opera now ?", None))  # it has no label
    assert choosing.retrieved(Example("xyzzy", None)) == choosing.retrieved(Example("", None)) == []
    shown = replace(choosing, demonstrations=(*choosing.demonstrations, EXAMPLES[1]))
    assert EXAMPLES[1] not in shown.retrieved(asked)


def test_bm25_is_the_textbooks(choosing: Prompt) -> None:
    """Lucene's form: idf = ln(1 + (N - n + 0.5) / (n + 0.5)), k1 = 1.5, b = 0.75."""
    texts, query = [retrieval._words(example.text) for example in EXAMPLES], ("river", "end", "end")
    mean = np.mean([len(words) for words in texts])
    wanted = np.zeros(len(texts))
    for place, words in enumerate(texts):
        for word in query:
            n, tf = sum(word in other for other in texts), words.count(word)
            idf = np.log(1 + (len(texts) - n + 0.5) / (n + 0.5))
            wanted[place] += idf * tf / (tf + 1.5 * (1 - 0.75 + 0.75 * len(words) / mean))
    index = retrieval._Index(tuple(example.text for example in EXAMPLES))
    np.testing.assert_allclose(index.scores("River, end: end!"), wanted, rtol=1e-5)


def test_what_the_model_reads_is_what_the_same_prompt_written_out_says(choosing: Prompt, tiny: Tiny) -> None:
    """Every query's answer is that of an ordinary prompt with its demonstrations, through every way in."""
    model = tiny()
    session = Session(choosing, model)
    scores = session.prediction().scores
    for query, row in zip(choosing.queries, scores, strict=True):
        shown = (*choosing.demonstrations, *choosing.retrieved(query))
        plain = replace(choosing, demonstrations=shown, queries=(query,), retrieval=None)
        assert choosing.written(query) == plain.written(query)
        np.testing.assert_allclose(Session(plain, model).prediction().scores[0], row, atol=1e-4)
    np.testing.assert_allclose(LabelScorer(session).scores(choosing.queries), scores, atol=1e-4)


def test_the_querys_own_text_is_told_from_what_it_is_shown(choosing: Prompt) -> None:
    tokenizer = tiny_tokenizer()
    encoded = encode(choosing, tokenizer)
    assert len(encoded.demonstrations) == len(choosing.demonstrations)
    assert any("chosen by BM25" in warning for warning in encoded.warnings)
    for number, query in enumerate(choosing.queries):
        ids = [*encoded.prefix, *encoded.queries[number].ids]
        assert tokenizer.decode(ids[slice(*encoded.queries[number].text)]).strip() == query.text
        tokens = query_tokens(encoded, tokenizer, number)
        own = "".join(token.text for token in tokens if token.role == "retrieved")
        assert all(example.text in own for example in choosing.retrieved(query))


def test_the_file_says_it_and_other_examples_make_another_prompt(choosing: Prompt, tmp_path: Path) -> None:
    path = tmp_path / "choosing.yaml"
    path.write_text(as_yaml(choosing))
    assert "retrieval:\n  count: 2\n  by: bm25\n" in path.read_text()
    assert read_prompt(path).hash == choosing.hash != replace(choosing, retrieval=None).hash


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("retrieval: {count: 0}", "retrieval.count: must be at least 1"),
        ("retrieval: {count: 2, by: dense}", "retrieval.by: must be 'bm25'"),
        ("retrieval: {counts: 2}", "retrieval.counts: there is no such field; did you mean 'count'?"),
        ("retrieval: {count: 2}\nchat: true", "retrieval: demonstrations are not chosen for each query of a chat"),
    ],
)
def test_what_is_wrong_is_told(choosing: Prompt, tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "wrong.yaml"
    text = as_yaml(replace(choosing, retrieval=None)) + line + "\n"
    path.write_text(text if "chat" not in line else text.replace('separator: "\\n"\n', ""))
    with pytest.raises(PromptError, match=told.replace("?", r"\?").replace("[", r"\[")):
        read_prompt(path)


def test_without_labelled_examples_it_is_refused(choosing: Prompt, tmp_path: Path) -> None:
    path = tmp_path / "wrong.yaml"
    path.write_text(as_yaml(replace(choosing, examples=())))
    with pytest.raises(PromptError, match="'examples' has no labelled text"):
        read_prompt(path)


@pytest.mark.parametrize("form", ["text", "messages", "logit-bias"])
def test_other_programs_cannot_be_told(choosing: Prompt, tiny: Tiny, tmp_path: Path, form: Any) -> None:
    with pytest.raises(AnalysisError, match="examples of its own, which one text cannot hold"):
        write_for_clients(Session(choosing, tiny()), form, tmp_path / "out", "{text}", lambda *_: None)
    assert "{text}" in text_with_placeholder(replace(choosing, retrieval=None), tiny_tokenizer())
