"""Samples files -> prompts: every shape and age of file, and every refusal by name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from icldiag.errors import PromptError
from icldiag.prompt.lm_eval.choice import Choice
from icldiag.prompt.lm_eval.convert import ImportedLog, import_log
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example, Label
from icldiag.prompt.write import as_yaml
from tests.prompt.lm_eval.logs import (
    AGES,
    CHOICES,
    SHOTS,
    TEXTS,
    Age,
    choice_row,
    context,
    row,
    scores,
    write,
    write_results,
)

ANSWERS = (0, 2, 2, 0)  # two of the four are wrong


LABELS = tuple(Label(name, f" {name}") for name in CHOICES)


def rows(age: Age = "now", **more: Any) -> list[dict[str, Any]]:
    return [
        choice_row(n, *pair, answer, age, **more) for n, (pair, answer) in enumerate(zip(TEXTS, ANSWERS, strict=True))
    ]


def complaint(path: Path, choice: Choice | None = None, results: Path | None = None) -> str:
    with pytest.raises(PromptError) as caught:
        import_log(path, results, choice)
    assert str(path.parent) in str(caught.value)
    return caught.value.message


def check(found: ImportedLog) -> None:
    prompt = found.prompt
    assert prompt.template == "Review: {text}\nSentiment:{label}"
    assert (prompt.separator, prompt.scoring, prompt.instruction) == ("\n\n", "whole", None)
    assert prompt.labels == LABELS
    assert prompt.demonstrations == tuple(Example(*shot) for shot in SHOTS)
    assert prompt.queries == tuple(Example(*pair, str(number)) for number, pair in enumerate(TEXTS))
    assert list(found.given.items()) == [(str(n), CHOICES[answer]) for n, answer in enumerate(ANSWERS)]
    assert found.right == 2


@pytest.mark.parametrize("age", AGES)
@pytest.mark.parametrize("with_results", [True, False])
def test_multiple_choice_of_every_age(tmp_path: Path, age: Age, with_results: bool) -> None:
    path = write(tmp_path, rows(age), age)
    if with_results:
        write_results(path)
    found = import_log(path)
    check(found)
    assert found.inferred == (not with_results)
    assert found.prompt.name == ("films" if with_results or age != "0.4.0" else path.stem)
    written = tmp_path / "prompt.yaml"
    written.write_text(as_yaml(found.prompt))
    assert read_prompt(written).hash == found.prompt.hash
    assert read_prompt(path) == found.prompt


def test_the_target_is_mapped_through_the_order_of_the_answers(tmp_path: Path) -> None:
    changed = rows()
    changed[1] = choice_row(1, *TEXTS[1], ANSWERS[1], order=(2, 0, 1))
    assert changed[1]["target"] == "2"
    check(import_log(write(tmp_path, changed)))


@pytest.mark.parametrize(
    ("target", "gold"), [("2", "negative"), ("1", "1"), ("negative", "negative"), ([0, 1], None), ("[2]", "negative")]
)
def test_every_way_to_write_a_target(tmp_path: Path, target: Any, gold: str | None) -> None:
    """Answers that are numbers themselves: `acc` tells whether a target is a place or an answer."""
    words = ("1", "2", "negative")
    shown = "a => 1\nb => negative\n"
    requests = [[(f"{shown}{text} =>", f" {word}") for word in words] for text in ("c", "d")]
    answers = [[score, False] for score in scores(0)]
    made = [
        row(0, requests[0], answers, target, doc={"text": "c"}, acc=float(gold == "1")),
        row(1, requests[1], answers, "negative", doc={"text": "d"}, acc=0.0),
    ]
    prompt = import_log(write(tmp_path, made)).prompt
    label = prompt.queries[0].label
    assert (None if label is None else prompt.label_names[label]) == gold


def test_only_wrong(tmp_path: Path) -> None:
    found = import_log(write(tmp_path, rows()), None, Choice(only_wrong=True))
    assert [query.id for query in found.prompt.queries] == ["1", "3"]
    assert found.right == 0
    right = [choice_row(n, *pair, pair[1]) for n, pair in enumerate(TEXTS)]
    assert "all of these documents right" in complaint(write(tmp_path, right), Choice(only_wrong=True))


def test_filters_repeat_a_document(tmp_path: Path) -> None:
    def generated(number: int, filter: str, answer: str) -> dict[str, Any]:
        text, gold = TEXTS[number]
        requests = [(context(text), {"until": ["\n"]})]
        right = float(answer == CHOICES[gold])
        return row(number, requests, [answer], CHOICES[gold], filter=filter, doc={"text": text}, exact_match=right)

    made = [generated(n, "strict", "[invalid]") for n in range(4)]
    made += [generated(n, "loose", CHOICES[ANSWERS[n]]) for n in range(4)]
    path = write(tmp_path, made)
    assert import_log(path).right == 0
    found = import_log(path, None, Choice(filter="loose"))
    assert found.right == 2
    assert found.given["1"] == "neutral"
    assert [query.id for query in found.prompt.queries] == ["0", "1", "2", "3"]
    assert "there are strict, loose" in complaint(path, Choice(filter="none"))


@pytest.mark.parametrize("age", AGES)
def test_generate_until(tmp_path: Path, age: Age) -> None:
    made = [
        row(n, [(context(text), {"until": ["\n\n"]})], [f" {CHOICES[answer]}"], CHOICES[gold], age, doc={"text": text})
        for n, ((text, gold), answer) in enumerate(zip(TEXTS, ANSWERS, strict=True))
    ]
    found = import_log(write(tmp_path, made, age))
    assert found.prompt.labels == LABELS
    assert found.prompt.scoring == "first"
    assert found.right == 2
    assert found.prompt.queries[3] == Example("no idea", 2, "3")
    assert found.notes == ()
    made[1]["filtered_resps"] = ["I think it is bad"]
    notes = import_log(write(tmp_path, made, age)).notes
    assert notes == ("lm-eval generated none of the labels, icldiag chooses one: documents 1",)


@pytest.mark.parametrize("age", AGES)
def test_unconditional_pairs_are_set_aside(tmp_path: Path, age: Age) -> None:
    """They follow the others now; until 0.4.4 each followed its own."""
    made = []
    for n, ((text, gold), answer) in enumerate(zip(TEXTS, ANSWERS, strict=True)):
        scored = zip(CHOICES, scores(answer), strict=True)
        asked = [((context(text), f" {word}"), [score, False]) for word, score in scored]
        alone = [(("", f" {word}"), [0.0, False]) for word in CHOICES]
        pairs = [*asked, *alone] if age == "now" else [one for both in zip(asked, alone, strict=True) for one in both]
        requests, answers = zip(*pairs, strict=True)
        made.append(row(n, requests, answers, gold, age, doc={"text": text}, acc=float(gold == answer)))
    check(import_log(write(tmp_path, made, age)))


def test_old_versions_lost_the_last_line_break_of_a_description(tmp_path: Path) -> None:
    made = [
        choice_row(n, *pair, answer, "0.4.3", made=context(pair[0], opening="Judge."))
        for n, (pair, answer) in enumerate(zip(TEXTS, ANSWERS, strict=True))
    ]
    path = write(tmp_path, made)
    write_results(path, {"description": "Judge.\n"})
    found = import_log(path)
    assert not found.inferred
    assert (found.prompt.instruction, found.prompt.instruction_separator) == ("Judge.", "")
    assert found.prompt.written(TEXTS[0][0]) == context(TEXTS[0][0], opening="Judge.")


def test_more_than_ten_answers_keep_their_order(tmp_path: Path) -> None:
    words = [f" w{n}" for n in range(12)]
    answers = [[score, False] for score in scores(11, 12)]
    made = row(0, [("a => w0\nb =>", word) for word in words], answers, 11, doc={"text": "b"})
    items = list(made["arguments"].items())
    made["arguments"] = dict(sorted(items))  # gen_args_10 before gen_args_2, as some writers order them
    found = import_log(write(tmp_path, [made]))
    assert (found.given["0"], found.right) == ("w11", 1)


@pytest.mark.parametrize("line", ["\n", "\r\n"])
@pytest.mark.parametrize("with_results", [True, False])
def test_line_ends_of_windows_are_kept(tmp_path: Path, line: str, with_results: bool) -> None:
    """In texts alone, or in the template as well: the harness gave them to the model."""
    texts = ["I liked\r\nit", "I did\rnot", "hm"]
    asked = [
        context(text, [("great\r\nfilm", 0), *SHOTS[1:]]).replace(f"{line[-1]}Sent", f"{line}Sent") for text in texts
    ]
    path = write(
        tmp_path,
        [choice_row(n, text, n, n, made=made) for n, (text, made) in enumerate(zip(texts, asked, strict=True))],
    )
    if with_results:
        write_results(path, {"doc_to_text": f"Review: {{{{text}}}}{line}Sentiment:"})
    prompt = import_log(path).prompt
    assert prompt.template == f"Review: {{text}}{line}Sentiment:{{label}}"
    assert [prompt.written(query) for query in prompt.queries] == asked
    written = tmp_path / "prompt.yaml"
    written.write_text(as_yaml(prompt))
    assert [query.text for query in read_prompt(written).queries] == texts


def test_a_space_at_the_end_of_the_context_belongs_to_the_label_words(tmp_path: Path) -> None:
    made = []
    for n, (text, gold) in enumerate(TEXTS):
        requests = [(context(text) + " ", word) for word in CHOICES]
        made.append(row(n, requests, [[score, False] for score in scores(gold)], gold, doc={"text": text}))
    path = write(tmp_path, made)
    write_results(path, {"doc_to_text": "Review: {{text}}\nSentiment: ", "target_delimiter": ""})
    found = import_log(path)
    assert (found.prompt.labels, found.inferred) == (LABELS, False)


@pytest.mark.parametrize(
    ("opening", "instruction", "separator"),
    [("Judge.\n\n", "Judge.", None), ("Judge.\n", "Judge.", "\n"), ("Judge: ", "Judge:", " ")],
)
@pytest.mark.parametrize("with_results", [True, False])
def test_a_description_is_the_instruction(
    tmp_path: Path, opening: str, instruction: str, separator: str | None, with_results: bool
) -> None:
    made = [
        choice_row(n, *pair, answer, made=context(pair[0], opening=opening))
        for n, (pair, answer) in enumerate(zip(TEXTS, ANSWERS, strict=True))
    ]
    path = write(tmp_path, made)
    if with_results:
        write_results(path, {"description": opening})
    prompt = import_log(path).prompt
    assert (prompt.instruction, prompt.instruction_separator) == (instruction, separator)
    assert prompt.written(TEXTS[0][0]) == context(TEXTS[0][0], opening=opening)


def _own_demonstrations() -> list[dict[str, Any]]:
    return [
        choice_row(n, *pair, answer, made=context(pair[0], [SHOTS[n % 3], SHOTS[(n + 1) % 3]]))
        for n, (pair, answer) in enumerate(zip(TEXTS, ANSWERS, strict=True))
    ]


def test_demonstrations_that_differ_need_a_document_to_be_chosen(tmp_path: Path) -> None:
    path = write(tmp_path, _own_demonstrations())
    message = complaint(path)
    assert "import lm-eval FILE --doc ID' (answered wrongly: 1, 3)" in message
    assert "first_n" in message
    prompt = import_log(path, None, Choice(document="1")).prompt
    assert prompt.demonstrations == (Example("dull", 1), Example("so so", 2))
    assert [query.id for query in prompt.queries] == ["1"]
    assert prompt.examples == (Example("great film", 0),)
    assert [q.id for q in import_log(path, None, Choice(document="3")).prompt.queries] == ["3", "0"]  # the same shots
    found = import_log(path, None, Choice(document="1", others=True))
    assert [query.id for query in found.prompt.queries] == ["1", "0", "2", "3"]
    assert "demonstrations of their own" in found.notes[0]
    assert "there is no document '9'; there are 0, 1, 2, 3" in complaint(path, Choice(document="9"))
    assert "document 0 was answered right" in complaint(path, Choice(document="0", others=True, only_wrong=True))


def test_a_few_documents_with_other_answers_are_left_out(tmp_path: Path) -> None:
    odd = choice_row(4, "what", 0, 0)
    odd["arguments"]["gen_args_0"]["arg_1"] = " unsure"
    found = import_log(write(tmp_path, [*rows(), odd]))
    check(found)
    assert found.notes == ("left out, as they offer other answers: documents 4",)
