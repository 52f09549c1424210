"""Candidates: another label word for one of two labels that the model takes for each other.

A new word must be scorable: one token, followed by no piece of a longer word, with a first token that no other label
word has, written as the old one (a space before it, a capital). Words that say what the class is are found by asking
the model: on the fitting part's texts of the class it gives them a higher log-probability at the target position than
on other classes' texts. Of these, those come first whose key lies furthest from the rival label's key.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

import numpy as np

from icldiag.analyses.confusion.distances import class_means, principal_projection
from icldiag.analyses.confusion.layer import layer_of
from icldiag.analyses.search.repair import Repair, as_it_is, change
from icldiag.analyses.search.search import Search
from icldiag.errors import PromptError
from icldiag.model.readout import FloatArray, Readout
from icldiag.prompt.edit import rename_word
from icldiag.prompt.schema import Prompt

TOP = 300  # tokens read per text: a word that is in no text's top is none for the class
WORDS = 8  # per label, whose keys are looked at
SHORTEST = 3  # letters


def words(search: Search) -> Iterator[Repair]:
    """Words for the failed query's gold label and its rival; without a query, for the labels of the closest pairs."""
    if not search.parts.fitting or not search.prompt.demonstrations:
        return
    keys = _Keys(search)
    readout = search.read(search.parts.fitting, top=TOP)
    renamed: set[int] = set()
    for first, second in _pairs(search, keys):
        turns = [
            _furthest_first(search, keys, label, rival, _fitting_words(search, readout, label))
            for label, rival in ((first, second), (second, first))
            if label not in renamed
        ]
        renamed |= {first, second}
        for turn in zip_longest(*turns):
            yield from (repair for repair in turn if repair is not None)


def _pairs(search: Search, keys: _Keys) -> list[tuple[int, int]]:
    """Pairs of labels, those that are likeliest to be confused first."""
    distance = keys.distances(search.prompt)
    classes = len(search.prompt.labels)
    pairs = [(a, b) for a in range(classes) for b in range(a) if not np.isnan(distance[a, b])]
    pairs.sort(key=lambda pair: distance[pair])
    if search.query is None:
        return pairs
    query = search.prompt.queries[search.query]
    (scores,) = search.scores(search.start, [query])
    order = [int(label) for label in np.argsort(-scores[0])]
    gold = order[0] if query.label is None else query.label
    rival = next(label for label in order if label != gold)
    return [(gold, rival), *pairs]


class _Keys:
    """Distances between labels' keys, on the principal directions of the query vectors; see `confusion`."""

    def __init__(self, search: Search) -> None:
        self.search = search
        readout = search.read(search.parts.fitting, with_target=True)
        assert readout.target is not None
        self.layer = layer_of(readout).layer
        vectors = [readout.target.queries[self.layer], search.lab.prefix.forerunner_queries[self.layer].numpy()]
        self.projection = principal_projection(np.concatenate(vectors).astype(np.float64))

    def distances(self, prompt: Prompt) -> FloatArray:
        """(C, C) relative to their mean, which another label word changes little. Raises PromptError."""
        encoded = self.search.encode(as_it_is(prompt, None), self.search.parts.fitting)
        prefix = self.search.lab.prefix_of(encoded, self.search.progress)
        keys = self.search.model.anchor_keys(prefix, encoded.all_anchors, self.layer)
        classes = [demonstration.label_class for demonstration in encoded.demonstrations]
        points = class_means(keys, classes, len(prompt.labels)) @ self.projection
        raw = np.linalg.norm(points[:, None] - points[None], axis=-1)
        mean = np.nanmean(raw[~np.eye(len(raw), dtype=bool)]) if np.isfinite(raw).sum() > 1 else 1.0
        return np.asarray(raw / (mean or 1.0))


def _fitting_words(search: Search, readout: Readout, label: int) -> list[str]:
    """Words that the model gives more chance on texts of this class than on the others', most so first."""
    gold = np.array([example.label for example in search.parts.fitting])
    if not (gold == label).any() or (gold == label).all():
        return []
    tokens, chances = readout.top_tokens, readout.top_log_probabilities
    floor = chances[:, -1]  # a token that is not in a text's top has less than its last
    known, columns = np.unique(tokens, return_inverse=True)
    table = np.repeat(floor[:, None], len(known), axis=1)  # (texts, tokens)
    np.put_along_axis(table, columns.reshape(tokens.shape), chances, axis=1)
    lead = table[gold == label].mean(0) - table[gold != label].mean(0)
    found: list[str] = []
    above: list[str] = []  # with a piece of a word, the whole word is found too, and before it
    for place in np.argsort(-lead, kind="stable"):
        if lead[place] <= 0 or len(found) == WORDS:
            break
        word = str(search.model.tokenizer.decode([int(known[place])], clean_up_tokenization_spaces=False))
        if _is_like(word, search.prompt, label) and not any(longer.startswith(word) for longer in above):
            found.append(word)
        above.append(word)
    return found


def _is_like(word: str, prompt: Prompt, label: int) -> bool:
    """Whether a token is a word written as the label's old one, and is nobody's yet."""
    old, bare = prompt.labels[label].word, word.strip()
    taken = {other.word.strip().casefold() for other in prompt.labels}
    alike = word[:1].isspace() == old[:1].isspace() and bare[:1].isupper() == old.strip()[:1].isupper()
    return alike and bare.isalpha() and len(bare) >= SHORTEST and bare.casefold() not in taken


def _furthest_first(search: Search, keys: _Keys, label: int, rival: int, candidates: list[str]) -> list[Repair]:
    found = []
    for word in candidates:
        try:
            changed = rename_word(search.prompt, label, word)
            distance = keys.distances(changed)[label, rival]
        except PromptError:  # cannot be scored
            continue
        new, of = word.strip(), search.prompt.label_names[label]
        name = f"'{new}' as the label word of {of}"
        found.append((-distance, change("word", name, changed, f"word '{new}' for {of}")))
    return [repair for _, repair in sorted(found, key=lambda pair: pair[0])]
