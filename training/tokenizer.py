"""The byte-level BPE tokenizer, trained on the training texts and on the words that name classes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

from training.corpus import Dataset
from training.templates import INSTRUCTIONS, TEMPLATES
from training.words import LABEL_WORDS, renderings

END = "<|endoftext|>"
CONTEXT = 512
#: How often a label word is shown to the BPE trainer: enough to become one token before the vocabulary is full.
LABEL_WEIGHT = 400
#: Generated texts repeat a few hundred words; all of them would push rarer words of real texts out of the vocabulary.
GENERATED_TEXTS = 150
#: Many classes of intents share their words, while these two hold most of the different words there are.
REPEATED = {"trec": 3, "sst2": 3}


def train_tokenizer(datasets: Sequence[Dataset], vocabulary: int = 4096) -> Tokenizer:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        min_frequency=2,
        special_tokens=[AddedToken(END, special=True)],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_lines(datasets), trainer)
    return tokenizer


def _lines(datasets: Sequence[Dataset]) -> Iterator[str]:
    for dataset in datasets:
        for label, texts in dataset.texts.items():
            for text in texts[:GENERATED_TEXTS] if dataset.generated else texts:
                yield from [f" {text}"] * REPEATED.get(dataset.name, 1)
            for name in renderings(label):
                yield from [f" {name}"] * (LABEL_WEIGHT // 10)
    yield from _repeat((f" {word}" for word in dict.fromkeys(LABEL_WORDS)), LABEL_WEIGHT)
    yield from _repeat((f"\n{template.before} {template.between}" for template in TEMPLATES), LABEL_WEIGHT)
    yield from _repeat(INSTRUCTIONS, LABEL_WEIGHT // 10)


def _repeat(lines: Iterable[str], times: int) -> Iterator[str]:
    for line in lines:
        yield from [line] * times


def save_tokenizer(tokenizer: Tokenizer, folder: Path) -> None:
    """Writes what ``transformers.AutoTokenizer`` reads."""
    tokenizer.save(str(folder / "tokenizer.json"))
    specials = {"bos_token": END, "eos_token": END, "unk_token": END, "pad_token": END}
    settings = specials | {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": CONTEXT,
        # Cleaning up would drop the blanks before punctuation that question corpora write, and with them the offsets.
        "clean_up_tokenization_spaces": False,
        "model_input_names": ["input_ids", "attention_mask"],
    }
    for name, content in {"tokenizer_config.json": settings, "special_tokens_map.json": specials}.items():
        (folder / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
