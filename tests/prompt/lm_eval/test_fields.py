"""Laws of `layout_of`: what it finds writes every text again, and never parts one in another way than it was made."""

from __future__ import annotations

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from icldiag.prompt.lm_eval.fields import layout_of

_CASES = int(os.environ.get("ICLDIAG_LAW_CASES", "60"))
TEXTS = st.text(alphabet="ab :\n{}é😀", max_size=12)
PIECES = st.text(alphabet="ab:\n ", max_size=5)
ROWS = st.lists(st.fixed_dictionaries({"premise": TEXTS, "hypothesis": TEXTS, "uid": TEXTS}), min_size=1, max_size=5)


@settings(max_examples=_CASES, deadline=None)
@given(rows=ROWS, head=PIECES, middle=PIECES, tail=PIECES)
def test_no_text_is_lost_or_cut_elsewhere(rows: list[dict[str, str]], head: str, middle: str, tail: str) -> None:
    texts = [f"{head}{row['premise']}{middle}{row['hypothesis']}{tail}" for row in rows]
    layout = layout_of(texts, rows)
    if layout is None:
        return
    assert len(layout.names) >= 2
    for text, row in zip(texts, rows, strict=True):
        assert layout.text(row) == text
        found = layout.split(text)
        assert found is None or found == layout.of(row)


@settings(max_examples=_CASES, deadline=None)
@given(
    words=st.lists(st.tuples(*[st.from_regex(r"[a-z]{3,9}", fullmatch=True)] * 2), min_size=2, max_size=6, unique=True)
)
def test_texts_that_are_told_apart_are_found(words: list[tuple[str, str]]) -> None:
    rows = [{"first": f"<{a}>", "second": f"({b})", "label": "yes"} for a, b in words]
    if len({a for a, _ in words}) < 2 or len({b for _, b in words}) < 2:
        return  # what is the same in all documents is the template's
    layout = layout_of([f"{row['first']}\nQ: {row['second']}?" for row in rows], rows)
    assert layout is not None
    assert (layout.names, layout.around) == (("first", "second"), ("", "\nQ: ", "?"))
