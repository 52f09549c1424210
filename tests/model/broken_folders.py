"""Model folders, broken at random: each is refused in one sentence, or loads and computes exactly.

The long run: `python -m tests.model.broken_folders 10000 [SEED]`. Tests take a short one.
"""

from __future__ import annotations

import copy
import json
import random
import shutil
import signal
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from icldiag.errors import IcldiagError
from icldiag.model.load import load_model, load_tokenizer
from icldiag.model.settings import ModelSettings
from icldiag.prompt.encode import encode
from tests.conftest import tiny_prompt

SECONDS = 5  # of the processor, for one folder; a sound one takes a twentieth of a second
PATIENCE = 60  # seconds by the clock, on a busy machine

#: What a value is replaced by: of every type, at the edge of what is meant, and beyond it.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 3, 5, 7, -1, 2**31, 2**63, 10**9, 10**30, 0.5, -0.0, 1e300, float("nan"), float("inf"),
    "", "x", "4", "llama", "gpt2", "bfloat16", "float99", "\0", "\ud800", "a/b", "../x", "{{", "é" * 300, "x" * 100_000,
    [], [0], ["x"], [[]], [[[["global", "local"], 10**9]]], {}, {"a": 5}, {"": None}, {"type": "x"},
)  # fmt: skip

#: Keys that a configuration may have and these do not, or that mean much.
KEYS = (
    "auto_map", "quantization_config", "rope_scaling", "rope_parameters", "sliding_window", "layer_types", "head_dim",
    "architectures", "model_type", "tie_word_embeddings", "chat_template", "added_tokens_decoder", "dtype",
    "text_config", "attn_implementation", "_attn_implementation", "tokenizer_class", "eos_token",
    "generation_config", "bos_token_id", "pad_token_id", "is_encoder_decoder", "use_cache", "model_max_length",
    "num_layers", "extra_special_tokens", "torch_dtype",
)  # fmt: skip

JSON_FILES = ("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json")


@dataclass(frozen=True)
class Outcome:
    """What became of one folder: `kind` is loaded, refused, or what must not be."""

    kind: str
    told: str
    seconds: float


def places(tree: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of a JSON tree; of long lists the ends alone."""
    found: list[tuple[Any, Any]] = []
    keys: list[Any] = []
    if isinstance(tree, dict):
        keys = list(tree) if len(tree) < 60 else [*list(tree)[:4], *list(tree)[-4:]]
    elif isinstance(tree, list):
        keys = list(range(len(tree))) if len(tree) < 20 else [0, 1, len(tree) - 2, len(tree) - 1]
    for key in keys:
        found.append((tree, key))
        found += places(tree[key])
    return found


def mutate_tree(tree: Any, dice: random.Random) -> Any:
    """Change one to three values, keys or items."""
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        found = places(tree)
        if not found or dice.random() < 0.02:
            return copy.deepcopy(dice.choice(VALUES))
        container, key = dice.choice(found)
        act = dice.randrange(6)
        if act == 0:
            del container[key]
        elif act == 1 and isinstance(container, dict):
            container[dice.choice(KEYS)] = copy.deepcopy(dice.choice(VALUES))
        elif act == 2 and isinstance(container, dict):
            container[str(key) + "_"] = container.pop(key)
        elif act == 3:
            other, its = dice.choice(found)
            with suppress(KeyError, IndexError):
                container[key] = json.loads(json.dumps(other[its]))
        elif act == 4 and isinstance(container[key], int):
            container[key] += dice.choice((-1, 1, 7, -container[key], container[key] * 999))
        else:
            container[key] = copy.deepcopy(dice.choice(VALUES))
    return tree


def mutate_bytes(content: bytes, dice: random.Random) -> bytes:
    """Cut short, flip, put in or take out some bytes."""
    place = dice.randrange(len(content) + 1)
    act = dice.randrange(5)
    if act == 0:
        return content[:place]
    if act == 1 and place < len(content):
        return content[:place] + bytes([content[place] ^ (1 << dice.randrange(8))]) + content[place + 1 :]
    if act == 2:
        return (
            content[:place]
            + dice.choice((b"\0", b"\xff", b"[" * 5000, b"9" * 5000, b'"', b"NaN", b"\xef\xbb\xbf"))
            + content[place:]
        )
    if act == 3:
        return content[:place] + content[place + dice.randrange(1, 40) :]
    return dice.choice((b"", b"null", b"[]", b"{}", b"5", b'"x"', b"[" * 100_000, b'{"a":' * 3000, b"\xff\xfe{\0}\0"))


def mutate_safetensors(content: bytes, dice: random.Random) -> bytes:
    """Change the header, its length, or the numbers."""
    (length,) = struct.unpack("<Q", content[:8])
    header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
    act = dice.randrange(4)
    if act == 0:
        return struct.pack("<Q", dice.choice((0, 1, length - 1, length + 1, 2**40, 2**63))) + content[8:]
    if act == 1:
        place = dice.randrange(len(data))
        return content[: 8 + length] + data[:place] + bytes([data[place] ^ 0x40]) + data[place + 1 :]
    name = dice.choice([name for name in header if name != "__metadata__"])
    if act == 2:
        shape = header[name]["shape"]
        change = dice.randrange(5)
        if change == 0:
            header[dice.choice(("x", name + "x", name.replace(".0.", ".9.").replace(".1.", ".7.")))] = header.pop(name)
        elif change == 1:
            header[name]["shape"] = shape[::-1]
        elif change == 2:
            header[name]["shape"] = [1, *shape]
        elif change == 3:
            header[name]["dtype"] = dice.choice(("I32", "U32", "F32", "BF16", "F8_E4M3", "X"))
        else:
            other = dice.choice([other for other in header if other != "__metadata__"])
            header[name]["data_offsets"] = header[other]["data_offsets"]
    else:
        header = mutate_tree(header, dice)
    changed = json.dumps(header).encode()
    return struct.pack("<Q", len(changed)) + changed + data


def break_folder(folder: Path, dice: random.Random) -> str:
    """Change one file of a sound model folder; returns its name."""
    name = dice.choice((*JSON_FILES, "config.json", "tokenizer.json", "model.safetensors", "index"))
    path = folder / name
    if name == "model.safetensors":
        content = path.read_bytes()
        path.write_bytes(mutate_safetensors(content, dice) if dice.random() < 0.8 else mutate_bytes(content, dice))
        return name
    if name == "index":
        path = folder / "model.safetensors.index.json"
        (folder / "model.safetensors").rename(folder / "model-00001-of-00001.safetensors")
        with (folder / "model-00001-of-00001.safetensors").open("rb") as weights:
            (length,) = struct.unpack("<Q", weights.read(8))
            names = [name for name in json.loads(weights.read(length)) if name != "__metadata__"]
        index = {"metadata": {"total_size": 1}, "weight_map": dict.fromkeys(names, "model-00001-of-00001.safetensors")}
        path.write_text(json.dumps(index))
    content = path.read_bytes()
    if dice.random() < 0.2:
        path.write_bytes(mutate_bytes(content, dice))
    else:
        path.write_text(json.dumps(mutate_tree(json.loads(content), dice)))
    return name


class TooLong(BaseException):
    """Not an Exception, so that nothing on the way catches it."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong

    limits = ((signal.SIGALRM, signal.ITIMER_REAL, PATIENCE), (signal.SIGPROF, signal.ITIMER_PROF, seconds))
    before = [signal.signal(number, stop) for number, _, _ in limits]
    for _, timer, limit in limits:
        signal.setitimer(timer, limit, limit)  # again and again: one may be raised where Python ignores it
    try:
        yield
    finally:
        for (number, timer, _), handler in zip(limits, before, strict=True):
            signal.setitimer(timer, 0)
            signal.signal(number, handler)


def outcome(folder: Path) -> Outcome:
    """Load the model, and encode a prompt with its tokenizer, as `check` does."""
    started = time.process_time()
    settings = ModelSettings(name=str(folder), device="cpu")
    try:
        with limited(SECONDS):
            reader = load_tokenizer(settings)
            encode(tiny_prompt(), *reader)
            load_model(settings)
        kind, told = "loaded", ""
    except IcldiagError as error:
        kind, told = "refused", str(error)
        if "\n" in told or len(told) > 600:
            kind = "not one sentence"
    except BaseException as error:
        kind, told = f"raised {type(error).__name__}", str(error)[:300]
        if isinstance(error, KeyboardInterrupt):
            raise
    return Outcome(kind, told.replace(str(folder), "FOLDER"), time.process_time() - started)


def run(sound: list[Path], count: int, seed: int, each: Callable[[int, str, Outcome], object]) -> None:
    """Break copies of sound folders `count` times; every one of them is made again by its number and the seed."""
    for number in range(count):
        dice = random.Random(f"{seed}/{number}")
        with tempfile.TemporaryDirectory() as place:
            folder = Path(shutil.copytree(dice.choice(sound), Path(place) / "model"))
            each(number, break_folder(folder, dice), outcome(folder))


if __name__ == "__main__":
    from tests.conftest import tiny_tokenizer, tiny_weights

    sentences: Counter[str] = Counter()
    kinds: Counter[tuple[str, str]] = Counter()

    def tell(number: int, name: str, found: Outcome) -> None:
        kinds[name, found.kind] += 1
        sentences[found.told[:160]] += 1
        if found.kind not in ("loaded", "refused") or found.seconds > 2:
            print(f"{number}: {name}: {found.kind} after {found.seconds:.1f} s: {found.told}", flush=True)

    with tempfile.TemporaryDirectory() as place:
        sound = []
        for architecture in ("gpt2", "llama"):
            sound.append(Path(place) / architecture)
            tiny_weights(architecture).save_pretrained(sound[-1])
            tiny_tokenizer().save_pretrained(sound[-1])
        run(sound, int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0, tell)
    if "-v" in sys.argv:
        for sentence, often in sentences.most_common():
            print(f"{often:5} {sentence}")
    for (name, kind), often in sorted(kinds.items()):
        print(f"{often:6} {name:24} {kind}")
