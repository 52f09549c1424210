"""One tokenizer of each kind, trained here on a few lines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

CORPUS = [
    "Question: Who wrote the opera in the park last summer ?\nAnswer Type: Person",
    "Question: Where does the river meet the sea ?\nAnswer Type: Location",
    "Question: How many bridges cross the canal ?\nAnswer Type: Number",
    "Text: a slow and lovely film\nLabel: Positive\nText: dull\nLabel: Negative",
    "Positive Negative Person Location Number Text: Label: a é 🙂 naïve",
] * 20

_BOS = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
_BOS_EOS = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 1)])
_SPECIAL = ["<s>", "</s>", "<unk>"]


def _fast(tokenizer: Tokenizer) -> Any:
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>")


def _byte_level(*, add_prefix_space: bool = False, trim: bool = False, bos: bool = False) -> Any:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=360, special_tokens=_SPECIAL, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(CORPUS, trainer)
    # As RoBERTa and Llama 3 have it: `trim` leaves the space out of a token's offsets.
    level = processors.ByteLevel(trim_offsets=trim)
    tokenizer.post_processor = processors.Sequence([level, _BOS]) if bos else level
    return _fast(tokenizer)


def _metaspace(model: str, scheme: str, post: Any = None) -> Any:
    """SentencePiece as newer conversions have it: a space marker before words."""
    tokenizer = Tokenizer(models.Unigram() if model == "unigram" else models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme)
    tokenizer.decoder = decoders.Metaspace(prepend_scheme=scheme)
    if model == "unigram":
        trainer: Any = trainers.UnigramTrainer(
            vocab_size=120, special_tokens=_SPECIAL, unk_token="<unk>", show_progress=False
        )
    else:
        trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=_SPECIAL, show_progress=False)
    # SentencePiece keeps pieces within lines; the marker alone would let them span two.
    tokenizer.train_from_iterator([line for text in CORPUS for line in text.splitlines()] + ["\n"], trainer)
    if post is not None:
        tokenizer.post_processor = post
    return _fast(tokenizer)


def _llama() -> Any:
    """SentencePiece BPE as Llama 2's conversion has it: the marker is put in by the normalizer, bytes as a fallback."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    bytes_ = [f"<0x{value:02X}>" for value in range(256)]
    # Whole lines without a pre-tokenizer would become single tokens: train on words.
    words = [f" {word}" for line in CORPUS for word in line.split()]
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=[*_SPECIAL, *bytes_], show_progress=False)
    tokenizer.train_from_iterator(words, trainer)
    tokenizer.post_processor = _BOS
    return _fast(tokenizer)


def _word_piece() -> Any:
    """As BERT's: lower case, no accents, no spaces kept, a token before and one after."""
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.train_from_iterator(
        CORPUS, trainers.WordPieceTrainer(vocab_size=160, special_tokens=_SPECIAL, show_progress=False)
    )
    tokenizer.post_processor = _BOS_EOS
    return _fast(tokenizer)


TOKENIZERS: dict[str, Callable[[], Any]] = {
    "byte-level BPE": _byte_level,
    "byte-level BPE, space before the text": lambda: _byte_level(add_prefix_space=True),
    "byte-level BPE, trimmed offsets, BOS": lambda: _byte_level(trim=True, bos=True),
    "unigram, marker always": lambda: _metaspace("unigram", "always"),
    "unigram, marker never": lambda: _metaspace("unigram", "never"),
    "unigram, marker first, BOS and EOS": lambda: _metaspace("unigram", "first", _BOS_EOS),
    "SentencePiece BPE, marker always, BOS": lambda: _metaspace("bpe", "always", _BOS),
    "SentencePiece BPE, marker never": lambda: _metaspace("bpe", "never"),
    "SentencePiece BPE by normalizer, bytes, BOS": _llama,
    "WordPiece, BOS and EOS": _word_piece,
}
