"""Seeded breakage of one input: its bytes, its lines, and its structure."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from tests.fuzz.inputs import Input, Special
from tests.fuzz.nasties import BYTES, JINJA, JSON, TEXTS, TOML, YAML
from tests.fuzz.structure import broken_document, broken_table

_STRUCTURED = {".json": JSON, ".jsonl": JSON, ".yaml": YAML, ".csv": TEXTS, ".tsv": TEXTS}
_PIECES = {**_STRUCTURED, ".toml": TOML, ".jinja": JINJA, ".txt": TEXTS}
_FLAGS = ("--", "-", "-h", "--help", "--nosuch", "--format", "-o", "--model", "--seed", "--layer")


def mutated(seeds: Sequence[Input], draw: random.Random, *, keep_arguments: bool = False) -> Input:
    """One of the seeds with one to four things changed."""
    found = draw.choice(seeds)
    for _ in range(draw.choice((1, 1, 1, 2, 2, 3, 4))):
        if found.arguments and not keep_arguments and (not found.files or draw.random() < 0.4):
            found = Input(found.files, _arguments(found.arguments, draw))
        else:
            found = _file(found, seeds, draw)
    return found


def _file(given: Input, seeds: Sequence[Input], draw: random.Random) -> Input:
    names = list(given.files)
    name = names[0] if draw.random() < 0.5 else draw.choice(names)
    content = given.files[name]
    if isinstance(content, Special):
        return given
    chance = draw.random()
    if chance < 0.02:
        return given.with_file(name, draw.choice(list(Special)))
    suffix = "." + name.rpartition(".")[2]
    if chance < 0.6 and suffix in _STRUCTURED:
        broken = broken_table if suffix in (".csv", ".tsv") else broken_document
        made = broken(content, suffix, _STRUCTURED[suffix], draw)
        if made is not None:
            return given.with_file(name, made)
    if chance < 0.75 and suffix in _PIECES:
        return given.with_file(name, _piece(content, _PIECES[suffix], draw))
    others = [other for seed in seeds for other in seed.files.values() if isinstance(other, bytes)]
    return given.with_file(name, draw.choice(_OF_BYTES)(content, others, draw))


def _piece(content: bytes, pieces: Sequence[str], draw: random.Random) -> bytes:
    """A piece of the format before, after or in place of something; at times it is all there is."""
    piece = _encoded(draw.choice(pieces))
    if draw.random() < 0.1:
        return piece
    start, stop = _span(content, draw)
    if draw.random() < 0.6:  # from a sign that ends something to the next
        marks = [place for place, byte in enumerate(content) if byte in b":=,\n{}[]()%"]
        if marks:
            start = draw.choice(marks) + 1
            stop = next((place for place in marks if place >= start), len(content))
    return content[:start] + piece + content[stop if draw.random() < 0.7 else start :]


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _span(content: bytes, draw: random.Random) -> tuple[int, int]:
    """A place in the bytes and a later one, most often near."""
    start = draw.randint(0, len(content))
    length = draw.choice((0, 1, 4, 16, 64, len(content)))
    return start, min(start + draw.randint(0, length), len(content))


# ---- bytes -----------------------------------------------------------------------------------------------------------

_Breaker = Callable[[bytes, Sequence[bytes], random.Random], bytes]


def _flipped(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    made = bytearray(content or b"x")
    for _ in range(draw.choice((1, 1, 2, 8))):
        made[draw.randrange(len(made))] ^= 1 << draw.randrange(8)
    return bytes(made)


def _other_bytes(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    made = bytearray(content or b"x")
    for _ in range(draw.choice((1, 1, 2, 8))):
        made[draw.randrange(len(made))] = draw.randrange(256)
    return bytes(made)


def _truncated(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    place = draw.randint(0, len(content))
    return content[:place] if draw.random() < 0.8 else content[place:]


def _left_out(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    start, stop = _span(content, draw)
    return content[:start] + content[stop:]


def _repeated(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    start, stop = _span(content, draw)
    return content[:stop] + content[start:stop] * draw.choice((1, 2, 50, 3000)) + content[stop:]


def _lines_repeated(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    lines = content.splitlines(keepends=True) or [b""]
    place = draw.randrange(len(lines))
    moved = lines[place] * draw.choice((0, 1, 2, 500))
    lines.insert(draw.randint(0, len(lines)), moved)
    return b"".join(lines)


def _spliced(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    other = draw.choice(others)
    start, stop = _span(other, draw)
    place, end = _span(content, draw)
    return content[:place] + other[start:stop] + content[end:]


def _nasty(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    start, stop = _span(content, draw)
    piece = draw.choice(BYTES) if draw.random() < 0.5 else _encoded(draw.choice(TEXTS))
    return content[:start] + piece + content[stop if draw.random() < 0.3 else start :]


def _recoded(content: bytes, others: Sequence[bytes], draw: random.Random) -> bytes:
    """The same with other line ends, or in another encoding."""
    ends = (b"\r\n", b"\r", b"\n\r", "\u2028".encode(), "\x85".encode(), b"\0\n", b"\x0b", b"")
    if draw.random() < 0.6:
        return content.replace(b"\n", draw.choice(ends))
    text = content.decode("utf-8", "replace")
    encoding = draw.choice(("utf-16", "utf-16-le", "utf-32", "utf-8-sig", "utf-7", "cp037", "latin-1"))
    return text.encode(encoding, "replace")


_OF_BYTES: tuple[_Breaker, ...] = (
    *(_flipped, _other_bytes, _truncated, _left_out, _repeated, _lines_repeated, _spliced, _nasty, _nasty, _recoded),
)


# ---- arguments -------------------------------------------------------------------------------------------------------


def _arguments(given: tuple[str, ...], draw: random.Random) -> tuple[str, ...]:
    made = list(given)
    place = draw.randrange(len(made))
    # what is written, and where, stays: a breaker of readers writes nowhere but in its own folder
    free = made[place - 1] not in ("-o", "--output") and not made[place].startswith(("-o", "--output"))
    kind = draw.choice(("replace", "replace", "replace", "insert", "edit", "drop", "twice", "swap", "flag"))
    if kind == "replace" and free:
        made[place] = draw.choice(TEXTS)
    elif kind == "edit" and free:
        cut = draw.randint(0, len(made[place]))
        made[place] = made[place][:cut] + draw.choice(TEXTS) + made[place][cut:]
    elif kind == "insert":
        made.append(draw.choice(TEXTS))
    elif kind == "drop" and free and len(made) > 1:
        del made[place]
    elif kind == "twice":
        made += made[max(place - 1, 0) : place + 1]
    elif kind == "swap" and free:
        made[place] = draw.choice([one for one in made if not one.startswith("-o")])
    elif kind == "flag":
        made.insert(draw.randint(0, len(made)), draw.choice([one for one in _FLAGS if one != "-o"]))
    return tuple(made)
