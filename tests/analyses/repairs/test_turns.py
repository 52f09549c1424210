"""The prompt as turns of the model's chat template: tried where there is one, written to the file, as it was judged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from icldiag.analyses.lab import Lab
from icldiag.analyses.repairs.combination import combined
from icldiag.analyses.repairs.order import orders
from icldiag.analyses.repairs.retrieval import retrievals
from icldiag.analyses.repairs.turns import turns
from icldiag.analyses.search.repair import change
from icldiag.analyses.search.search import Search
from icldiag.analyses.search.trials import Trials
from icldiag.prompt.edit import as_chat, rename_word
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Prompt
from icldiag.prompt.write import as_yaml
from icldiag.repair_output import write_repair
from icldiag.session import Session
from tests.conftest import Tiny

TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)


@pytest.fixture
def search(prompt: Prompt, tiny: Tiny, monkeypatch: pytest.MonkeyPatch) -> Search:
    examples = tuple(Example(f"Who wrote the opera {i} ?", i % 3) for i in range(36))
    session = Session(replace(prompt, examples=examples), tiny())
    search = Search(Lab(session.model, session.encoded, session.prefix(lambda *_: None)))
    monkeypatch.setattr(search.model.tokenizer, "chat_template", TEMPLATE)
    return search


def test_it_is_tried_where_the_model_has_a_chat_template(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    (repair,) = turns(search)
    assert repair.family == "chat"
    assert repair.apply(search.prompt) == as_chat(search.prompt)
    assert [label.word for label in repair.labels] == [label.word.strip() for label in search.prompt.labels]
    search.prompt = as_chat(search.prompt)
    assert not list(turns(search))
    search.prompt = replace(search.prompt, chat=False)
    monkeypatch.setattr(search.model.tokenizer, "chat_template", None)
    assert not list(turns(search))


def test_its_answers_are_those_of_the_chat(search: Search) -> None:
    trials = Trials(search, 9)
    trials.change(list(turns(search)))
    assert not trials.left_out
    plain = next(trial for trial in trials.trials if trial.repair.calibration is None)
    asked = Session(as_chat(search.prompt), search.model).prediction()
    np.testing.assert_array_equal(plain.predicted, asked.predicted)
    assert len(trials.trials) == 5  # and with the calibrations on top


def test_it_goes_with_an_order_and_with_no_retrieval_nor_words(search: Search) -> None:
    (chat,), order, (nearest,) = turns(search), next(orders(search)), retrievals(search)
    both = combined(search.start, chat, order)
    assert both is not None and both.chat
    assert both.demonstrations == order.demonstrations and both.labels == chat.labels
    assert both.apply(search.prompt).chat
    assert combined(search.start, chat, nearest) is None
    word = change("word", "another", rename_word(search.prompt, 0, "opera"))
    assert combined(search.start, chat, word) is None


@pytest.mark.parametrize(
    "labels", ["[Person, Location, Number]", '{Person: " Person", Location: " sea", Number: " Number"}']
)
def test_the_file_says_chat_and_keeps_its_style(search: Search, tmp_path: Path, labels: str) -> None:
    head, _, tail = as_yaml(search.prompt).partition("labels:")
    written = f"{head}labels: {labels}  # mine\nscoring:{tail.partition('scoring:')[2]}"
    (tmp_path / "plain.yaml").write_text(written)
    session = Session(tmp_path / "plain.yaml", search.model)
    own = Search(Lab(session.model, session.encoded, session.prefix(lambda *_: None)))
    (repair,) = turns(own)
    found = write_repair(session, repair, tmp_path / "chat.yaml")
    assert found is not None and found.hash == repair.apply(session.prompt).hash
    text = (tmp_path / "chat.yaml").read_text()
    assert "# mine" in text and "chat: true" in text and "separator" not in text
    assert text.splitlines()[2] == "chat: true"
    if labels.startswith("["):
        assert f"labels: {labels}" in text
    assert read_prompt(tmp_path / "chat.yaml").chat
