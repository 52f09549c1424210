"""New prompts from data files."""

from __future__ import annotations

from pathlib import Path

import pytest

from icldiag.analyses.search import partition
from icldiag.analyses.search.partition import make_parts
from icldiag.errors import AnalysisError, PromptError
from icldiag.prompt.draw import FEWEST, Drawing, draw_prompt
from icldiag.prompt.read import read_prompt
from icldiag.prompt.tables import Table, read_table
from icldiag.prompt.write import as_yaml

DRAWING = Drawing(text="review", label="sentiment", shots=2, queries=3, examples=2)


@pytest.fixture
def table(tmp_path: Path) -> Table:
    lines = ["review,sentiment,length"]
    lines += [f"text {number} of {name},{name},{number}" for number in range(9) for name in ("good", "bad", "so so")]
    lines += ["text 0 of good,bad,1", ",good,2", "unlabelled,,3", " text 1 of good ,good,4"]
    path = tmp_path / "films.csv"
    path.write_text("\n".join(lines) + "\n")
    return read_table(path)


def complaint(table: Table, drawing: Drawing) -> str:
    with pytest.raises(PromptError) as caught:
        draw_prompt(table, drawing, "films")
    return caught.value.message


def test_every_class_has_its_share_and_no_text_is_drawn_twice(table: Table) -> None:
    prompt = draw_prompt(table, DRAWING, "films").prompt
    assert prompt.label_names == ("good", "bad", "so so")
    parts = (prompt.demonstrations, prompt.queries, prompt.examples)
    for part, count in zip(parts, (2, 3, 2), strict=True):
        assert [sum(example.label == label for example in part) for label in range(3)] == [count] * 3
    texts = [example.text for part in parts for example in part]
    assert len(texts) == len(set(texts)) == 21
    for example in (example for part in parts for example in part):
        assert example.label is not None
        assert example.text.endswith(prompt.label_names[example.label])  # the class was not mixed up


def test_rows_that_cannot_be_used_are_counted(table: Table) -> None:
    notes = draw_prompt(table, DRAWING, "films").notes
    assert notes == (
        "left out: 1 row without a text",
        "left out: 1 row without a label",
        "left out: 1 row with a text that another row has too",
        "left out: 2 rows with a text that has two labels, such as 'text 0 of good' (good in line 2, bad in line 29)",
    )


def test_a_class_that_is_left_without_examples_is_named(table: Table) -> None:
    def notes(**changes: int) -> str:
        return " ".join(draw_prompt(table, Drawing(**{**vars(DRAWING), **changes}), "films").notes)

    assert "as an example" not in notes()
    assert "no text is left of 'good' as an example: " in notes(queries=6)  # 8 of it, 9 of the others
    assert "--queries 3 leaves some" in notes(queries=6)
    assert "no text is left of" not in notes(queries=3)
    assert "no text is left as an example: repairs are made from the queries" in notes(queries=50)
    assert "--queries 3 leaves some" in notes(queries=50)
    assert notes(shots=7).endswith("; add texts")  # one query of 'good' cannot be parted
    assert "as an example" not in notes(queries=50, examples=0)  # as was asked


def test_too_few_texts_for_repairs_are_told(tmp_path: Path) -> None:
    """Four texts of a class, of which one is shown: the queries are 6, and no search would take them."""
    path = tmp_path / "few.csv"
    path.write_text("text,label\n" + "".join(f"{label} {n},{label}\n" for n in range(4) for label in ("good", "bad")))
    drawn = draw_prompt(read_table(path), Drawing(), "few")
    assert len(drawn.prompt.queries) == 6
    assert "repairs need 8 labelled texts beside the demonstrations, and re-weighting has nothing to train on; add" in (
        " ".join(drawn.notes)
    )
    with pytest.raises(AnalysisError, match="a repair must hold on labelled examples, and there are 6"):
        make_parts(drawn.prompt)
    with pytest.raises(AnalysisError, match="other than the failed query, and there are 5"):
        make_parts(drawn.prompt, 0)
    assert FEWEST == partition.FEWEST


def test_a_text_with_two_labels_is_drawn_with_neither(table: Table) -> None:
    prompt = draw_prompt(table, Drawing(**{**vars(DRAWING), "shots": 1, "queries": 9}), "films").prompt
    drawn = [example.text for part in (prompt.demonstrations, prompt.queries, prompt.examples) for example in part]
    assert len(drawn) == 26  # of 27 texts
    assert "text 0 of good" not in drawn


def test_a_seed_draws_the_same_again(table: Table) -> None:
    first, same = (draw_prompt(table, DRAWING, "films").prompt for _ in range(2))
    other = draw_prompt(table, Drawing(**{**vars(DRAWING), "seed": 1}), "films").prompt
    assert first == same
    assert first.demonstrations != other.demonstrations


def test_the_file_has_a_comment_over_each_field_and_reads_back(table: Table, tmp_path: Path) -> None:
    drawn = draw_prompt(table, DRAWING, "films")
    path = tmp_path / "prompt.yaml"
    path.write_text(as_yaml(drawn.prompt, comments=drawn.comments))
    assert read_prompt(path).hash == drawn.prompt.hash
    lines = path.read_text().splitlines()
    assert lines[0] == "# Drawn from films.csv: columns 'review' and 'sentiment', 2 demonstrations per class, seed 0."
    for field in ("template", "separator", "labels", "scoring", "demonstrations", "queries", "examples"):
        place = next(index for index, line in enumerate(lines) if line.startswith(f"{field}:"))
        assert lines[place - 1].startswith("# ")


def test_the_template_comes_from_the_columns_or_from_the_user(table: Table) -> None:
    assert draw_prompt(table, DRAWING, "films").prompt.template == "Review: {text}\nSentiment:{label}"
    changed = Drawing(**{**vars(DRAWING), "template": "{text} >{label}", "words": {"so so": "middling"}})
    prompt = draw_prompt(table, changed, "films").prompt
    assert prompt.template == "{text} >{label}"
    assert [label.word for label in prompt.labels] == [" good", " bad", " middling"]


def test_texts_of_several_lines_are_parted_by_an_empty_one(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text,label\n"a\nb",1\nc,10\nd,1\ne,10\nf,2\ng,2\n')
    prompt = draw_prompt(read_table(path), Drawing(), "a").prompt
    assert prompt.separator == "\n\n"
    assert prompt.label_names == ("1", "2", "10")  # numbers are in their order


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"text": "text"}, "choose with --text COLUMN, or with --field COLUMN for each of several texts, from review"),
        ({"text": "txt"}, "choose with --text COLUMN from review (30 different), sentiment (4 different), length (9 d"),
        ({"label": "class"}, "choose with --label COLUMN from review"),
        ({"label": "review"}, "too many for labels; choose with --label COLUMN"),
        ({"shots": 9}, "'good' has 8 texts, and demonstrations take 9: no query is left"),
        ({"template": "{label}{text}"}, "--template: {text} must come before {label}"),
        ({"template": "{text}"}, "--template: the template does not hold {label}; write it exactly once"),
        ({"words": {"fine": "x"}}, "there is no label 'fine'; there are good, bad, so so"),
    ],
)  # fmt: skip
def test_what_cannot_be_drawn_is_told(table: Table, changed: dict[str, object], words: str) -> None:
    assert words in complaint(table, Drawing(**{**vars(DRAWING), **changed}))


def test_one_label_is_not_enough(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,1\nb,1\n")
    assert "has 1 label; two are needed" in complaint(read_table(path), Drawing())
    path.write_text("text,label\na,1\n,2\n,2\n")
    assert "1 label beside what is left out: 2 rows without a text; two are" in complaint(read_table(path), Drawing())


@pytest.mark.parametrize(("first", "second"), [("Pos", " Pos"), ("card lost ", "card  lost")])
def test_labels_that_only_spaces_tell_apart_are_told_with_their_lines(tmp_path: Path, first: str, second: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"text,label\na,{first}\nb,Neg\nc,{second}\nd,{first}\ne,Neg\nf,{second}\n")
    with pytest.raises(PromptError) as caught:
        draw_prompt(read_table(path), Drawing(), "a")
    told = f"{path}:4: the label {second!r} differs from {first!r} in line 2 by spaces alone; write both alike"
    assert str(caught.value) == told


def test_a_label_of_spaces_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,1\nb,2\nc,1\nd,2\ne,  \n")
    drawn = draw_prompt(read_table(path), Drawing(examples=0), "a")
    assert drawn.prompt.label_names == ("1", "2")
    assert drawn.notes == ("left out: 1 row without a label",)


def test_a_class_whose_texts_have_other_labels_too_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,1\nb,1\na,0\nb,0\nc,0\nd,0\n")
    told = complaint(read_table(path), Drawing())
    assert "'1' has 0 texts, and demonstrations take 1: no query is left" in told
    assert (
        "left out: 4 rows with a text that has two labels, such as 'a' (1 in line 2, 0 in line 4); correct these"
        in told
    )


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ('["a"]', "expected text, not a list; write one text"),
        ('{"b": "c"}', "expected text, not a mapping; write one text"),
    ],
)
def test_a_label_that_is_no_text_is_told_with_the_cure(tmp_path: Path, label: str, words: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": "a", "label": {label}}}\n')
    with pytest.raises(PromptError) as caught:
        draw_prompt(read_table(path), Drawing(), "a")
    assert words in str(caught.value)


def test_true_and_false_are_labels_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(f'{{"text": "t{n}", "label": {("true", "false")[n % 2]}}}\n' for n in range(4)))
    assert draw_prompt(read_table(path), Drawing(), "a").prompt.label_names == ("true", "false")


@pytest.mark.parametrize(
    ("labels", "scoring"),
    [
        (("card", "card payment"), "terminated"),
        (("10", "1"), "terminated"),
        (("card arrival", "card lost"), "whole"),
        (("good", "bad"), "first"),
    ],
)
def test_the_scoring_can_choose_any_of_the_labels(tmp_path: Path, labels: tuple[str, str], scoring: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\n" + "".join(f"t{n},{labels[n % 2]}\n" for n in range(4)))
    assert draw_prompt(read_table(path), Drawing(), "a").prompt.scoring == scoring


def test_a_renamed_field_names_its_line(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("sentence1,sentence2,label\na,b,1\nc,d,2\ne,f,1\ng,h,2\n")
    drawing = Drawing(fields={"premise": "sentence1", "sentence2": "sentence2"})
    made = draw_prompt(read_table(path), drawing, "a").prompt
    assert made.template == "Premise: {premise}\nSentence2: {sentence2}\nLabel:{label}"


def test_one_text_is_not_enough_and_a_file_without_rows_has_no_values_to_count(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("text,label\na,1\nb,1\nc,2\n")
    assert "'2' has 1 text, and demonstrations take 1: no query is left" in complaint(read_table(path), Drawing())
    with pytest.raises(PromptError, match=r"a\.csv:4: .* left; remove the rows of this label, or add texts of it$"):
        draw_prompt(read_table(path), Drawing(), "a")
    path.write_text("\0" * 60)
    assert "different" not in complaint(read_table(path), Drawing())
