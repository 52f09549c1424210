"""How label words are written, and words for them that come from the labels' names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from icldiag.prompt.schema import Example, Label
from icldiag.quoting import quoted

LISTED = 4  # words in a sentence
SHORTEST = 3  # letters of a word that says something
_ALIKE = 4  # letters that a word and a name begin with alike: 'arrived' for 'card_arrival'
_PART = re.compile(r"[^\W\d_]+")
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")

Form = tuple[str, str]  # what stands before the word, and how it is written


def form(word: str) -> Form:
    """The form of a label word: the space before it, and its letters' case."""
    bare = word.lstrip()
    letters = [letter for letter in bare if letter.upper() != letter.lower()]
    case = "without case"
    if letters:
        rest = letters[1:]
        if all(letter.isupper() for letter in letters) and rest:
            case = "upper case"
        elif all(letter.islower() for letter in letters):
            case = "lower case"
        elif letters[0].isupper() and all(letter.islower() for letter in rest):
            case = "a capital"
        else:
            case = "mixed case"
    return word[: len(word) - len(bare)], case


def written(word: str, wanted: Form) -> str:
    """A word in another form; one without case, or of mixed case, stays as it is."""
    space, case = wanted
    bare = word.strip()
    if case == "upper case":
        bare = bare.upper()
    elif case == "lower case":
        bare = bare.lower()
    elif case == "a capital":
        bare = bare[:1].upper() + bare[1:].lower()
    return space + bare


def forms(words: Sequence[str]) -> list[Form]:
    """The forms that most of the words have, those of no case aside."""
    counts = Counter(found for found in map(form, words) if found[1] not in ("mixed case", "without case"))
    most = max(counts.values(), default=0)
    return [found for found, count in counts.items() if count == most]


def unlike_names(labels: Sequence[Label]) -> tuple[int, ...]:
    """Places of the labels whose word is no part of their name, as 'the' is of 'change_pin'; nor begins like one."""
    return tuple(place for place, label in enumerate(labels) if not _alike(label.word, label.name))


def from_names(labels: Sequence[Label], shown: Sequence[Example] = ()) -> tuple[Label, ...] | None:
    """These labels, with a word of the name instead of each word that is unlike it, in the form of the other words.

    It is a part of the name that no other label has in its name or as its word: the one that the fewest demonstrations
    of other labels have in their texts ('lost' of 'lost_card', where all write of cards), of several the last, since
    names end in what they are about. A name may have no such part ('LABEL_1'). None where there is nothing to replace.
    """
    unlike = unlike_names(labels)
    usual = forms([label.word for place, label in enumerate(labels) if place not in unlike])
    after = list(labels)
    for place in unlike:
        label, others = labels[place], [other for other in labels if other is not labels[place]]
        taken = {part for other in others for part in _lower([*_parts(other.name), *_parts(other.word)])}
        own = [part for part in _parts(label.name) if len(part) >= SHORTEST and part.casefold() not in taken]
        if not own:
            continue
        word = min(reversed(own), key=lambda part: _elsewhere(part, place, shown))
        cased = form(label.word)[1] not in ("mixed case", "without case")
        wanted = usual[0] if usual else form(label.word) if cased else (form(label.word)[0], "without case")
        after[place] = replace(label, word=written(word, wanted))
    return None if after == list(labels) else tuple(after)


def _elsewhere(part: str, label: int, shown: Sequence[Example]) -> int:
    """How many demonstrations of other labels have this word in their texts."""
    return sum(part.casefold() in _lower(_parts(one.text)) for one in shown if one.label != label)


def renamed(before: Sequence[Label], after: Sequence[Label]) -> str:
    """The new words and whose they are."""
    new = [two for one, two in zip(before, after, strict=True) if one != two]
    shown = [f"{quoted(label.word.strip())} for {label.name}" for label in new[:LISTED]]
    return ", ".join(shown) + (f" and {len(new) - LISTED} more" if len(new) > LISTED else "")


def _parts(name: str) -> list[str]:
    """The words of a name: 'card_arrival', 'cardArrival' and 'Card arrival' have two."""
    return _PART.findall(_HUMP.sub(" ", name))


def _lower(parts: Sequence[str]) -> list[str]:
    return [part.casefold() for part in parts]


def _alike(word: str, name: str) -> bool:
    """Whether one of a word's parts is one of a name's, or begins like it; one or two letters say nothing."""
    if word.strip().casefold() == name.strip().casefold():
        return True
    words, names = ([part for part in _lower(_parts(text)) if len(part) >= SHORTEST] for text in (word, name))
    pairs = ((one, other) for one in words for other in names)
    return any(one[:_ALIKE] == other[:_ALIKE] or one.startswith(other) or other.startswith(one) for one, other in pairs)
