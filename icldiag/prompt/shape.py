"""A finished prompt back into its parts: opening, template, separator, demonstrations and query.

Nothing is guessed that is not checked: a `Shape` counts only if every context splits under it, and what is split is
put together again to the same characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from icldiag.errors import PromptError

_SAMPLE = 40  # contexts that a shape is found from; all must then have it
_TRIED = 10  # of what may stand there, the most frequent
_LONGEST = 1000  # characters that may stand between a text and its label


@dataclass(frozen=True)
class Shape:
    """The text around the parts: opening, then before text between label after, parted by the separator."""

    opening: str
    before: str
    between: str
    after: str
    separator: str
    words: tuple[str, ...] | None  # the label words; None: whatever stands between `between` and what follows a label

    @cached_property
    def _answer(self) -> re.Pattern[str]:
        """`between`, a label word, and what follows a demonstration."""
        return re.compile(re.escape(self.between) + _word(self.words) + re.escape(self.after + self.separator))

    def split(self, context: str) -> Split | None:
        """The context's demonstrations and query, or None where it has not this shape."""
        if not context.startswith(self.opening):
            return None
        place, found = len(self.opening), []
        while True:
            if not context.startswith(self.before, place):
                return None
            start = place + len(self.before)
            answer = self._answer.search(context, start)
            if answer is None:
                break
            found.append((context[start : answer.start()], answer[1]))
            place = answer.end()
        stop = len(context) - len(self.between)
        if stop < start or not context.endswith(self.between):
            return None
        return Split(tuple(found), context[start:stop])

    def template(self, path: Path | None) -> str:
        """The template as a prompt file writes it. Raises PromptError where it holds {text} or {label} itself."""
        for piece in (self.before, self.between, self.after):
            if "{text}" in piece or "{label}" in piece:
                raise PromptError("the template itself holds {text} or {label}", path=path)
        return f"{self.before}{{text}}{self.between}{{label}}{self.after}"

    @property
    def instruction(self) -> tuple[str | None, str | None]:
        """The opening as an instruction and, where that is not the separator, what follows it."""
        if not self.opening:
            return None, None
        if self.opening.endswith(self.separator):
            return self.opening.removesuffix(self.separator), None
        text = self.opening.rstrip()
        return text, self.opening[len(text) :]


@dataclass(frozen=True)
class Split:
    """What a context holds: (text, label word) of its demonstrations, and the query's text."""

    demonstrations: tuple[tuple[str, str], ...]
    query: str


@dataclass(frozen=True)
class ShapeHints:
    """What is known of the shape beforehand; None, or nothing, where it is not."""

    openings: tuple[str, ...] = ()  # one of these
    before: str | None = None
    between: str | None = None
    after: str | None = None  # with it, `before` and `between` are the user's own and no guesses: a shape has them
    separator: str | None = None
    #: For each context, the fields of the document that its query was made from.
    documents: tuple[dict[str, str], ...] = field(default=())

    def allows(self, shape: Shape) -> bool:
        return self.after is None or (shape.before, shape.after) == (self.before, self.after)


def _word(words: Sequence[str] | None) -> str:
    """A group that matches a label word; of two that begin alike, the longer."""
    if words is None:
        return r"((?:\n|[ \t]{0,99})\S[^\n]{0,199}?)"  # with limits, as it is looked for at every place
    return "(" + "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True)) + ")"


def infer(contexts: Sequence[str], words: Sequence[str] | None, known: ShapeHints | None = None) -> Shape | None:
    """The first of `candidate_shapes`, the likeliest, or None where no shape explains all contexts."""
    return next(candidate_shapes(contexts, words, known), None)


def candidate_shapes(
    contexts: Sequence[str], words: Sequence[str] | None, known: ShapeHints | None = None
) -> Iterator[Shape]:
    """The shapes that all contexts have, the likeliest first.

    Args:
        contexts: finished prompts, each ending where a label is asked for; their demonstrations may differ.
        words: the label words as they stand in the contexts, if they are known.
        known: parts of the shape that need not be found.
    """
    known = known or ShapeHints()
    sample = contexts[:_SAMPLE]
    for between in _betweens(sample, words, known):
        for shape in _shapes(sample, between, words, known):
            if not known.allows(shape):
                continue
            splits = [shape.split(context) for context in contexts]
            if all(split is not None and split.demonstrations for split in splits):
                yield shape


def _betweens(contexts: Sequence[str], words: Sequence[str] | None, known: ShapeHints) -> Iterator[str]:
    """What may stand between a text and its label, the likeliest first."""
    if known.between is not None:
        yield known.between
        return
    tails = [_tails(context, fields) for context, fields in zip(contexts, known.documents, strict=False)]
    yield from sorted(_in_all(tails, known.documents), key=len)
    ending = common_ending(contexts)[-_LONGEST:]
    heads = [context[:-1] for context in contexts]  # without the end, where the label is asked for
    ends = _word(words) + r"(?=\s|\W)"
    for start in (r"\n", r"[ \t]", r"[^\w\s]"):  # a label mostly has a line of its own, or at least a space before it
        counted = []
        for found in re.finditer(rf"(?<!\s){start}", ending):
            between = ending[found.start() :]
            if between.strip() and all(between in earlier for earlier in heads):
                count = min(len(re.findall(re.escape(between) + ends, context)) for context in contexts)
                counted.append((count, len(between), between))
        yield from (between for count, _, between in sorted(counted, reverse=True)[:_TRIED] if count)


def _tails(context: str, fields: dict[str, str]) -> dict[str, str]:
    """For each field of the document: what follows it at the end of the context."""
    found = {name: context.rfind(value) for name, value in fields.items() if value.strip()}
    return {name: context[place + len(fields[name]) :] for name, place in found.items() if place >= 0}


def _in_all(pieces: Sequence[dict[str, str]], documents: Sequence[dict[str, str]]) -> set[str]:
    """Pieces that stand beside the same field in every context, where the field's value is not always the same."""
    if not pieces:
        return set()
    found = set()
    for name, piece in pieces[0].items():
        varies = len({fields.get(name) for fields in documents}) > 1 or len(documents) == 1
        if varies and all(other.get(name) == piece for other in pieces):
            found.add(piece)
    return found


def _shapes(contexts: Sequence[str], between: str, words: Sequence[str] | None, known: ShapeHints) -> Iterator[Shape]:
    """The shapes that fit a `between`: from what stands between a label and the next text."""
    ends = re.escape(known.separator if known.separator is not None else "\n" if words is None else "")
    answer = re.compile(re.escape(between) + _word(words) + f"(?={ends})")
    if words is None and known.after is not None:
        answer = re.compile(re.escape(between) + _word(words) + f"(?={re.escape(known.after)}{ends})")
    elif words is None:
        closing = _closing([found[1] for context in contexts for found in answer.finditer(context)])
        answer = re.compile(re.escape(between) + _word(words) + f"(?={re.escape(closing)}{ends})")
    gaps, last, firsts = [], [], []
    for context in contexts:
        answers = list(answer.finditer(context))
        if not answers:
            return
        stops = [*(found.start() for found in answers[1:]), len(context) - len(between)]
        gaps += [context[found.end() : stop] for found, stop in zip(answers, stops, strict=True)]
        last.append(gaps[-1])
        firsts.append(context[: answers[0].start()])
    common = common_beginning(gaps)
    shape = Shape("", "", between, "", "", None if words is None else tuple(words))
    for gap in _gaps(common, last, known):
        yield from _opened(replace(shape, before=gap), firsts, known)


def _closing(labels: Sequence[str]) -> str:
    """A sign that the template puts after every label, such as a full stop or the end of a chat turn."""
    distinct = sorted(set(labels))
    sign = re.search(r"[^\w\s].*", common_ending(distinct)) if len(distinct) > 1 else None
    return sign[0] if sign and all(label[: -len(sign[0])].strip() for label in distinct) else ""


def _gaps(common: str, last: Sequence[str], known: ShapeHints) -> Iterator[str]:
    """What stands between a label and the next text: `after`, separator and `before` in one."""
    if known.before is not None and known.separator is not None:
        yield (known.after or "") + known.separator + known.before
    heads = [
        {name: gap[: gap.find(value)] for name, value in fields.items() if value.strip() and value in gap}
        for gap, fields in zip(last, known.documents, strict=False)
    ]
    yield from (gap for gap in sorted(_in_all(heads, known.documents), key=len) if common.startswith(gap))
    lines, rest = re.match(r"(.*\n)?(.*)", common, re.DOTALL).groups(default="")  # type: ignore[union-attr]
    sign = re.match(r".*?:[ \t]*|.*[^\w\s][ \t]*|", rest)  # "Review: ", "- ", or nothing
    yield lines + sign[0] if sign else lines
    yield lines


def _opened(shape: Shape, firsts: Sequence[str], known: ShapeHints) -> Iterator[Shape]:
    """Part the gap (in `before`) into after, separator and before, and find the opening."""
    gap, first = shape.before, common_beginning(firsts)
    for cut in _cuts(gap, first, known):
        before, rest = gap[cut:], gap[:cut]
        separator = known.separator
        if separator is None and known.after is not None:
            separator = rest.removeprefix(known.after)
        if separator is None:
            separator = rest[len(rest.rstrip()) :] or rest
        if not rest.endswith(separator) or not separator:
            continue
        whole = replace(shape, before=before, separator=separator, after=rest[: len(rest) - len(separator)])
        if known.openings:
            yield from (replace(whole, opening=opening) for opening in known.openings)
            continue
        if first.startswith(before) and before:
            yield whole
        place = first.find(before) if before else first.find(separator) + len(separator) if separator in first else 0
        if place >= 0:
            yield replace(whole, opening=first[:place])
        yield whole


def _cuts(gap: str, first: str, known: ShapeHints) -> Iterator[int]:
    """Where `before` may begin in the gap between a label and the next text, the likeliest first."""
    if known.before is not None and gap.endswith(known.before):
        yield len(gap) - len(known.before)
        return
    if known.separator is not None and known.separator in gap:
        yield gap.find(known.separator) + len(known.separator)
        return
    begins = [cut for cut in range(1, len(gap)) if first.startswith(gap[cut:])]  # as the very first text begins
    yield from begins[:1]
    spaces = re.search(r"\s+", gap)  # the first line break, or space, after a label parts the demonstrations
    if spaces:
        line = gap.rfind("\n", spaces.start(), spaces.end())
        yield line + 1 if line >= 0 else spaces.end()
    yield len(gap)


def common_beginning(texts: Sequence[str]) -> str:
    """What all begin with."""
    low, high = min(texts), max(texts)  # what these two share, all that lie between them share
    same = zip(low, high, strict=False)
    return low[: next((place for place, (a, b) in enumerate(same) if a != b), min(len(low), len(high)))]


def common_ending(texts: Sequence[str]) -> str:
    """What all end with."""
    return common_beginning([text[::-1] for text in texts])[::-1]
