from __future__ import annotations

from pathlib import Path

from tokenizers import Tokenizer
from transformers import AutoTokenizer

from training.tokenizer import CONTEXT, END, save_tokenizer
from training.words import one_token_words


def test_common_label_words_are_one_token(tokenizer: Tokenizer) -> None:
    for word in ("Positive", "Negative", "Abbreviation", "Entity", "Technology", "Angry"):
        assert len(tokenizer.encode(f" {word}").ids) == 1, word
    assert len(one_token_words(tokenizer)) > 100


def test_saved_tokenizer_loads_with_offsets_and_loses_nothing(tokenizer: Tokenizer, tmp_path: Path) -> None:
    save_tokenizer(tokenizer, tmp_path)
    loaded = AutoTokenizer.from_pretrained(tmp_path)
    assert loaded.is_fast and loaded.model_max_length == CONTEXT
    assert loaded.bos_token == loaded.eos_token == loaded.pad_token == END
    assert loaded.pad_token_id == loaded.eos_token_id == 0
    text = "Question: who wrote the café song ?\nAnswer Type: Person"
    encoded = loaded(text, return_offsets_mapping=True)
    assert encoded["input_ids"] == tokenizer.encode(text).ids
    assert loaded.decode(encoded["input_ids"]) == text
    start, end = encoded["offset_mapping"][-1]
    assert text[start:end].strip() == "Person"
