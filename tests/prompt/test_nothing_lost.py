"""The law of every importer: what goes in is in the prompt as the model reads it, or it is refused in one sentence."""

from __future__ import annotations

import csv
import io
import json
import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from icldiag.prompt.draw import Drawing, draw_prompt
from icldiag.prompt.plain_text import import_text, left_out
from icldiag.prompt.read import read_prompt
from icldiag.prompt.schema import Example
from icldiag.prompt.tables import read_table
from icldiag.prompt.write import as_yaml
from tests.prompt.laws import PLAIN, ROWS, TEXTS, is_a_file, law, pasted, refused

# ---- plain text -----------------------------------------------------------------------------------------------------


@law
@given(TEXTS, TEXTS, TEXTS, TEXTS, TEXTS, ROWS, TEXTS, st.booleans(), st.sampled_from(["", "\n", " \n\n", "\r\n"]))
def test_a_pasted_text_is_written_to_the_character(
    before: str, between: str, after: str, separator: str, opening: str, rows: Any, query: str, told: bool, end: str
) -> None:
    text = pasted(before, between, after, separator, opening, rows, query) + end
    template = f"{before}{{text}}{between}{{label}}{after}" if told else None
    prompt = refused(lambda: import_text(text, template=template, separator=separator if told else None))
    if prompt is None:
        return
    written = prompt.written(prompt.queries[0].text)
    wanted = text.replace("\r\n", "\n")
    assert wanted.startswith(written)
    rest = wanted[len(written) :]
    assert not rest.strip(" \t\n")
    assert len(left_out(text, prompt)) == bool(rest) + ("\r\n" in text)
    if template is not None:
        assert prompt.template == re.sub(r"\s*\{label\}", "{label}", template) or prompt.template == template
    is_a_file(prompt)


@law
@given(
    st.sampled_from([("Review: ", "\nSentiment:"), ("", " =>"), ("Q: ", "\nA:"), ("- ", " ->"), ("Text: ", " Label:")]),
    st.sampled_from(["\n", "\n\n"]),
    st.sampled_from(["", "Say what it is.\n\n"]),
    st.lists(
        st.tuples(PLAIN, st.sampled_from([" positive", " negative"])),
        min_size=2,
        max_size=5,
        unique_by=lambda one: one[0],
    ),
    PLAIN,
)
def test_a_plain_prompt_gets_its_parts_back(
    around: tuple[str, str], separator: str, opening: str, rows: list[tuple[str, str]], query: str
) -> None:
    """Not all may be refused: such a prompt is found, unless its texts count up or it has but one label."""
    assume(len({word for _, word in rows}) == 2)
    assume(not any(text[0].isdigit() for text in [*[one for one, _ in rows], query]))
    assume(separator == "\n\n" or not opening)
    assume(len({text[-1] for text in [*[one for one, _ in rows], query]}) > 1)  # else it may be the template's
    assume(len({text[0] for text in [*[one for one, _ in rows[1:]], query]}) > 1)  # else it may be the separator's
    text = pasted(around[0], around[1], "", separator, opening, rows, query)
    prompt = import_text(text)
    assert prompt.written(prompt.queries[0].text) == text
    assert [(one.text, prompt.labels[one.label or 0].word) for one in prompt.demonstrations] == rows


# ---- data files -----------------------------------------------------------------------------------------------------


def as_file(folder: Path, kind: str, columns: list[str], rows: list[list[str]]) -> Path:
    path = folder / f"data.{kind}"
    if kind == "jsonl":
        path.write_text("".join(json.dumps(dict(zip(columns, one, strict=True))) + "\n" for one in rows), "utf-8")
    else:
        written = io.StringIO(newline="")
        csv.writer(written, delimiter="\t" if kind == "tsv" else ",").writerows([columns, *rows])
        path.write_bytes(written.getvalue().encode())
    return path


@law
@given(
    st.sampled_from(["csv", "tsv", "jsonl"]),
    st.lists(st.tuples(TEXTS, TEXTS), min_size=3, max_size=6),
    st.sampled_from(["good bad", "0 1", "pos neg other"]),
    st.sampled_from(["", "it was long", "x"]),
)
def test_new_draws_rows_whole_and_tells_what_it_leaves_out(kind: str, pairs: Any, names: str, extra: str) -> None:
    rows = [(text, name) for pair in pairs for text, name in zip(pair, names.split(), strict=False)]
    given_rows = [[text, word, extra] for text, word in rows]
    with tempfile.TemporaryDirectory() as folder:
        path = as_file(Path(folder), kind, ["text", "label", "why"], given_rows)
        drawing = Drawing(shots=1, queries=1, examples=1000)
        drawn = refused(lambda: draw_prompt(read_table(path), drawing, "data"))
    if drawn is None:
        return
    prompt = drawn.prompt
    parts = (*prompt.demonstrations, *prompt.queries, *prompt.examples)
    assert all(prompt.written(query.text).endswith(f"Text: {query.text}\nLabel:") for query in prompt.queries)
    found = sorted((one.text, prompt.label_names[one.label or 0]) for one in parts)
    words: dict[str, set[str]] = {}
    for text, word, _ in given_rows:
        words.setdefault(text.strip(), set()).add(word)
    wanted = {text: next(iter(own)) for text, own in words.items() if text and len(own) == 1}
    assert found == sorted(wanted.items())  # the counts above are for every row
    dropped = len(given_rows) - len(wanted)
    assert sum(int(note.split()[2]) for note in drawn.notes if note.startswith("left out: ")) == dropped
    assert any("'why'" in note for note in drawn.notes) == (len(extra.split()) > 1)
    is_a_file(prompt)


@law
@given(
    st.sampled_from(["csv", "tsv", "jsonl"]),
    st.lists(
        st.sampled_from(["premise", "hypothesis", "text", "id", "a b", "topic", "q1"]),
        min_size=1,
        max_size=4,
        unique=True,
    ),
    st.lists(st.lists(TEXTS, min_size=4, max_size=4), min_size=4, max_size=6),
    st.lists(TEXTS, min_size=5, max_size=5),
    st.booleans(),
    st.data(),
)
def test_no_column_is_lost_in_silence(
    kind: str, names: list[str], cells: Any, around: list[str], named: bool, data: Any
) -> None:
    """Every column's text is in the prompt where the template says, or the command refuses or tells the column."""
    written = data.draw(st.lists(st.sampled_from(names), unique=True))
    assume(not any(f"{{{name}}}" in text for name in names for text in around))  # it would be one more field
    template = (
        "".join(head + f"{{{name}}}" for head, name in zip(around, written, strict=False)) + around[-1] + "{label}"
    )
    rows = [[*row[: len(names)], word] for row, word in zip(cells, ["good", "bad"] * 3, strict=False)]
    with tempfile.TemporaryDirectory() as folder:
        path = as_file(Path(folder), kind, [*names, "label"], rows)
        fields = {name: name for name in written if name.isidentifier() and name != "id"} if named else {}
        drawing = Drawing(shots=1, queries=9, examples=0, template=template, fields=fields)
        drawn = refused(lambda: draw_prompt(read_table(path), drawing, "data"))
        if drawn is None:
            return
        texts = {row: dict(zip(names, row, strict=False)) for row in map(tuple, (one[:-1] for one in rows))}
        yaml_path = Path(folder) / "p.yaml"
        if is_a_file(drawn.prompt):
            yaml_path.write_text(as_yaml(drawn.prompt), "utf-8")
            assert read_prompt(yaml_path).queries == drawn.prompt.queries
    assert set(drawn.prompt.fields) == set(written)
    wanted = {
        "".join(head + row[name].strip() for head, name in zip(around, written, strict=False)) + around[-1]
        for row in texts.values()
    }
    prompt = drawn.prompt
    for query in prompt.queries:
        assert any(prompt.written(query).endswith(one) for one in wanted)
    unread = [name for name in names if name not in written]
    for name in unread:
        values = [row[name].strip() for row in texts.values() if row[name].strip()]
        several = sum(len(value.split()) > 1 for value in values) * 2 > len(values)
        assert not several or any(repr(name) in note for note in drawn.notes)


# ---- the prompt file itself -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["a\nb", " a ", "a: b", "\x07", "\u2028", "\x85x", "🙂", "{text}", "\ufeff", "-", "null"]
)
def test_any_text_is_read_back_as_it_is(text: str) -> None:
    prompt = import_text("a => x\nb => y\nc =>")
    changed = prompt.with_queries([Example(text, None)])
    assert is_a_file(changed)
