"""Laws of prompts: spans are parts of any text, files give prompts back, edits have inverses."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from icldiag.prompt import edit
from icldiag.prompt.encode import encode
from icldiag.prompt.schema import Example, Label, Prompt
from tests.conftest import tiny_tokenizer
from tests.prompt.laws import is_a_file, law, refused

_TOKENIZER = tiny_tokenizer()

#: Any character that a text may have: all of Unicode but halves of pairs.
CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(CHARACTERS, min_size=1, max_size=12).filter(str.strip)
WORDS = st.lists(TEXTS.map(str.strip), min_size=2, max_size=4, unique=True)
BETWEEN = st.sampled_from(["\nLabel:", " => ", "\n", ":\t", "¶", "\n答え："])


@st.composite
def prompts(draw: st.DrawFn) -> Prompt:
    words = draw(WORDS)
    some = st.builds(Example, TEXTS, st.integers(0, len(words) - 1))
    return Prompt(
        name="law",
        template="{text}" + draw(BETWEEN) + "{label}",
        separator=draw(st.sampled_from(["\n", "\n\n", " || \n"])),
        labels=tuple(Label(f"class {index}", f" {word}") for index, word in enumerate(words)),
        demonstrations=tuple(draw(st.lists(some, min_size=1, max_size=4))),
        queries=tuple(draw(st.lists(some, min_size=1, max_size=2))),
        scoring="whole",
    )


@law
@given(prompts())
def test_spans_are_parts_of_what_is_written(prompt: Prompt) -> None:
    encoded = refused(lambda: encode(prompt, _TOKENIZER))
    if encoded is None:
        return
    for query, place in zip(prompt.queries, encoded.queries, strict=True):
        ids = [*encoded.prefix, *place.ids]
        written = _TOKENIZER.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert written == prompt.written(query)
        assert place.target == len(ids) - 1
    positions = list(encoded.template)
    end = 0
    for example, shown in zip(prompt.demonstrations, encoded.demonstrations, strict=True):
        start, stop = shown.span
        assert end <= start < stop <= len(encoded.prefix)
        end = stop
        word = prompt.labels[example.known_label].word
        spelled = _TOKENIZER.decode(list(encoded.prefix[slice(*shown.label)]))
        assert word.strip() in spelled or "\ufffd" in spelled  # a character may be shared with the token before
        assert shown.label_class == example.label
        assert set(shown.anchors) <= set(range(*shown.label))
        positions += [*shown.text_positions, *range(*shown.label)]
        assert all(start <= position < stop for position in (*shown.text_positions, *shown.anchors))
    assert sorted(positions) == list(range(len(encoded.prefix)))  # each token plays one part


@law
@given(prompts())
def test_a_prompt_file_is_the_prompt(prompt: Prompt) -> None:
    is_a_file(prompt)  # what cannot be written is refused in one sentence; what can be is read back the same


@law
@given(prompts(), st.data())
def test_edits_have_inverses(prompt: Prompt, data: st.DataObject) -> None:
    count = len(prompt.demonstrations)
    first, second = (data.draw(st.integers(0, count - 1)) for _ in range(2))
    assert edit.swap(edit.swap(prompt, first, second), first, second) == prompt
    assert edit.swap(prompt, first, second) == edit.swap(prompt, second, first)
    order = data.draw(st.permutations(range(count)))
    shuffled = edit.with_demonstrations(prompt, [prompt.demonstrations[place] for place in order])
    back = [shuffled.demonstrations[place] for place in np.argsort(order)]
    assert edit.with_demonstrations(shuffled, back) == prompt
    if count > 1:
        dropped = edit.drop(prompt, first).demonstrations
        assert (*dropped[:first], prompt.demonstrations[first], *dropped[first:]) == prompt.demonstrations
    label = data.draw(st.integers(0, len(prompt.labels) - 1))
    word = data.draw(TEXTS.map(str.strip))
    renamed = refused(lambda: edit.rename_word(prompt, label, word))
    if renamed is None:
        assert word in {other.word.strip() for place, other in enumerate(prompt.labels) if place != label}
    else:
        assert edit.rename_word(renamed, label, prompt.labels[label].word) == prompt
    asked = edit.ask(prompt, data.draw(TEXTS))
    assert replace(asked, queries=asked.queries[:-1]) == prompt
