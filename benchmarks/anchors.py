"""`python -m benchmarks.anchors --data FOLDER --model MODEL --seeds 100-119`: draws to choose the anchors' measure on.

Each draw is a prompt of a data set with fresh demonstrations and balanced queries, run once. What any measure of the
anchors' similarity could be made of goes to one file of `--out`, which `benchmarks.anchor_measures` reads: keys, values
and query vectors of all layers, as attended and with their positions undone, the attention of the target to the
anchors, head by head, and the answers.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from icldiag.errors import PromptError
from icldiag.model.forward import InstrumentedModel
from icldiag.model.heads import Heads
from icldiag.model.load import load_model
from icldiag.model.readout import read_queries
from icldiag.model.settings import ModelSettings
from icldiag.prompt.encode import encode
from icldiag.prompt.encoded_prompt import EncodedPrompt
from icldiag.prompt.schema import Example, Label, Prompt

LONGEST = 40  # words of a text


@dataclass(frozen=True)
class Task:
    """A data set, and how it is drawn from."""

    folder: str
    template: str
    labels: tuple[str, ...] = ()  # none: `classes` of the set's own are drawn
    classes: int = 0
    shots: int = 1
    most: int = 1000  # queries


_INTENT = "Message: {text}\nIntent:{label}"
_TREC = ("Abbreviation", "Entity", "Description", "Person", "Location", "Number")
_QUESTION = "Question: {text}\nAnswer Type:{label}"
TASKS = {
    "trec": Task("trec", _QUESTION, _TREC),
    "trec x3": Task("trec", _QUESTION, _TREC, shots=3),
    "agnews": Task("agnews", "Article: {text}\nAnswer:{label}", ("World", "Sports", "Business", "Technology"), most=64),
    "banking77": Task("banking77", _INTENT, classes=8),
    "clinc150": Task("clinc150", _INTENT, classes=8),
    "emoc": Task("emoc", "Dialogue: {text}\nEmotion:{label}", ("Others", "Happy", "Sad", "Angry")),
}


def draw(task: Task, data: Path, seed: int, queries: int) -> Prompt:
    """A prompt with demonstrations in random order and about `queries` queries, as many of each class."""
    rng = random.Random(f"{task.folder}/{seed}")
    pool: dict[str, dict[str, None]] = {}
    for line in (data / task.folder / "train.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if len(row["text"].split()) <= LONGEST:
            pool.setdefault(row["label"], {})[row["text"]] = None
    names = list(task.labels or rng.sample(sorted(pool), task.classes))
    each = min(queries, task.most) // len(names)
    demonstrations, asked = [], []
    for label, name in enumerate(names):
        texts = rng.sample(sorted(pool[name]), min(len(pool[name]), 3 + each))
        demonstrations += [Example(text, label) for text in texts[: task.shots]]
        asked += [Example(text, label) for text in texts[3:]]  # the same queries whatever the shots
    rng.shuffle(demonstrations)
    labels = tuple(Label(name, " " + name.replace("_", " ")) for name in names)
    return Prompt(f"{task.folder}-{seed}", task.template, "\n", labels, tuple(demonstrations), tuple(asked))


def read(model: InstrumentedModel, encoded: EncodedPrompt) -> dict[str, Any]:
    """Everything of one draw. L layers, D demonstrations, n queries, H heads of width d."""
    prefix = model.encode_prefix(encoded.prefix, forerunners=[one.forerunner for one in encoded.demonstrations])
    anchors = torch.tensor([one.anchor for one in encoded.demonstrations])
    n, layers = len(encoded.queries), model.n_layers
    queries: list[list[np.ndarray | None]] = [[None] * n for _ in range(layers)]
    attention = np.zeros((layers, n, model.n_heads, len(anchors)), np.float32)

    def observe(indices: tuple[int, ...], layer: int, heads: Heads) -> None:
        last = torch.tensor([heads.query.shape[2] - 1])
        attention[layer, list(indices)] = heads.attention(last)[:, :, 0, anchors].numpy()
        for index, vector in zip(indices, heads.query[:, :, -1].flatten(1).numpy(), strict=True):
            queries[layer][index] = vector

    readout = read_queries(model, encoded, prefix, observe=observe)
    keys, values = (
        np.stack([_repeated(getattr(one, part)[0][:, anchors], model) for one in prefix.key_values])
        for part in ("keys", "values")
    )
    targets = np.array([len(encoded.prefix) + len(query.ids) - 1 for query in encoded.queries])
    places = {"keys": anchors.numpy(), "queries": targets, "forerunners": np.array(prefix.forerunners)}
    attended = {
        "keys": keys,
        "queries": np.array(queries, np.float32),
        "forerunners": np.stack([one.numpy() for one in prefix.forerunner_queries]),
    }
    free = {f"free_{name}": _unrotated(model, attended[name], places[name]) for name in places}
    return {
        **attended,
        **free,
        "values": values,
        "attention": attention,
        "scores": readout.label_scores,
        "gold": np.array([query.label for query in encoded.prompt.queries]),
        "anchors": np.array([one.label_class for one in encoded.demonstrations]),
    }


def _repeated(heads: torch.Tensor, model: InstrumentedModel) -> np.ndarray:
    """(K, D, d) -> (D, H * d)."""
    return heads.repeat_interleave(model.n_heads // len(heads), 0).transpose(0, 1).flatten(1).numpy()


def _unrotated(model: InstrumentedModel, vectors: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """(L, m, H * d)."""
    rotary = getattr(model.model.get_decoder(), "rotary_emb", None)
    if rotary is None:
        return vectors
    cos, sin = (part[0].numpy() for part in rotary(torch.zeros(1), torch.tensor(positions)[None]))
    x = vectors.reshape(*vectors.shape[:2], model.n_heads, -1)
    half = x.shape[-1] // 2
    turned = np.concatenate([x[..., half:], -x[..., :half]], -1)
    return np.asarray((x * cos[:, None] + turned * sin[:, None]).reshape(vectors.shape))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", default="bundled")
    parser.add_argument("--seeds", default="100-119")
    parser.add_argument("--sets", default=",".join(TASKS))
    parser.add_argument("--queries", type=int, default=96)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    first, _, last = arguments.seeds.partition("-")
    model = load_model(ModelSettings(name=arguments.model, device="cpu"))
    arguments.out.mkdir(parents=True, exist_ok=True)
    for seed in range(int(first), int(last or first) + 1):
        for name in arguments.sets.split(","):
            path = arguments.out / f"{name.replace(' ', '-')}-{seed}.npz"
            if path.exists():
                continue
            began = time.process_time()
            try:
                found = read(model, _drawn(TASKS[name], seed, arguments, model))
            except PromptError as error:
                print(f"{path.stem}: {error}", flush=True)
                continue
            np.savez(path, **found)
            accuracy = (found["scores"].argmax(1) == found["gold"]).mean()
            print(f"{path.stem}: accuracy {accuracy:.2f}, {time.process_time() - began:.1f} s", flush=True)


def _drawn(task: Task, seed: int, arguments: Any, model: InstrumentedModel) -> EncodedPrompt:
    """The first draw of a seed whose labels can be told apart by their first tokens."""
    for attempt in range(100):
        with suppress(PromptError):
            return encode(draw(task, arguments.data, seed + 1000 * attempt, arguments.queries), *model.reader)
    raise PromptError("no draw has labels with different first tokens")


if __name__ == "__main__":
    main()
