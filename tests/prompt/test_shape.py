"""Finished prompts back into their parts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from icldiag.prompt.shape import Shape, ShapeHints, infer

REVIEWS = (
    "Review: great film\nSentiment: positive\n\nReview: dull\nSentiment: negative\n\nReview: I liked it\nSentiment:"
)
INLINE = "great film => positive\ndull => negative\nI liked it =>"
CHAT = (
    "<|im_start|>user\nReview: great film\nSentiment:<|im_end|>\n<|im_start|>assistant\npositive<|im_end|>\n"
    "<|im_start|>user\nReview: dull\nSentiment:<|im_end|>\n<|im_start|>assistant\nnegative<|im_end|>\n"
    "<|im_start|>user\nReview: I liked it\nSentiment:<|im_end|>\n<|im_start|>assistant\n"
)
HEADED = (
    "<|begin|><|start|>user<|end|>\n\nReview: great film<|eot|><|start|>assistant<|end|>\n\npositive"
    "<|eot|><|start|>user<|end|>\n\nReview: dull<|eot|><|start|>assistant<|end|>\n\nnegative"
    "<|eot|><|start|>user<|end|>\n\nReview: I liked it<|eot|><|start|>assistant<|end|>\n\n"
)
SPACED, PLAIN = (" positive", " negative"), ("positive", "negative")


def parts(shape: Shape | None) -> tuple[str, ...]:
    assert shape is not None
    return shape.opening, shape.before, shape.between, shape.after, shape.separator


@pytest.mark.parametrize(
    ("context", "words", "wanted"),
    [
        (REVIEWS, SPACED, ("", "Review: ", "\nSentiment:", "", "\n\n")),
        (REVIEWS, None, ("", "Review: ", "\nSentiment:", "", "\n\n")),
        ("Classify.\n\n" + REVIEWS, None, ("Classify.\n\n", "Review: ", "\nSentiment:", "", "\n\n")),
        ("Classify. " + REVIEWS, SPACED, ("Classify. ", "Review: ", "\nSentiment:", "", "\n\n")),
        (REVIEWS.replace("Review: ", ""), None, ("", "", "\nSentiment:", "", "\n\n")),
        (INLINE, None, ("", "", " =>", "", "\n")),
        ("Which?\n" + INLINE, SPACED, ("Which?\n", "", " =>", "", "\n")),
        (REVIEWS.replace("tive\n", "tive.\n"), None, ("", "Review: ", "\nSentiment:", ".", "\n\n")),
        (REVIEWS.replace("tive\n", "tive\n###"), None, ("", "Review: ", "\nSentiment:", "\n###", "\n")),
        (REVIEWS.replace("Sentiment", "Good or bad?\nIt is"), None,
         ("", "Review: ", "\nGood or bad?\nIt is:", "", "\n\n")),
        (CHAT, PLAIN, ("", "<|im_start|>user\nReview: ", "\nSentiment:<|im_end|>\n<|im_start|>assistant\n",
                       "<|im_end|>", "\n")),
        (HEADED, PLAIN, ("<|begin|><|start|>user<|end|>\n\n", "Review: ", "<|eot|><|start|>assistant<|end|>\n\n",
                         "<|eot|><|start|>user<|end|>", "\n\n")),
    ],
)  # fmt: skip
def test_the_shape_of_one_context(context: str, words: tuple[str, ...] | None, wanted: tuple[str, ...]) -> None:
    shape = infer([context], words)
    assert parts(shape) == wanted
    assert shape is not None
    split = shape.split(context)
    assert split is not None
    assert [text for text, _ in split.demonstrations] == ["great film", "dull"]
    assert [word.strip() for _, word in split.demonstrations] == ["positive", "negative"]
    assert split.query == "I liked it"


def test_texts_that_begin_and_end_alike_stay_whole_where_the_documents_are_known() -> None:
    texts = ["The film is bad.", "The film was good.", "The film is long."]
    contexts = [f"The film is fine. Sentiment: good\n{text} Sentiment:" for text in texts]
    known = ShapeHints(documents=tuple({"text": text, "language": "en"} for text in texts))
    shape = infer(contexts, (" good", " bad"), known)
    assert parts(shape) == ("", "", " Sentiment:", "", "\n")


def test_a_text_that_holds_the_separator_and_a_label_word() -> None:
    context = REVIEWS.replace("dull", "dull\n\nSentiment is positive\n\nReview: the end")
    shape = infer([context], SPACED)
    assert shape is not None
    split = shape.split(context)
    assert split is not None
    assert split.demonstrations[1] == ("dull\n\nSentiment is positive\n\nReview: the end", " negative")


def test_of_two_label_words_the_longer_is_found() -> None:
    context = "a => good\nb => good enough\nc =>"
    shape = infer([context], (" good", " good enough"))
    assert shape is not None
    split = shape.split(context)
    assert split is not None
    assert [word for _, word in split.demonstrations] == [" good", " good enough"]


def test_what_is_known_is_taken() -> None:
    context = "Which?\n\nIs it so?\n" + INLINE
    shape = infer([context], SPACED, ShapeHints(openings=("What?", "Which?\n\n"), separator="\n"))
    assert parts(shape)[0] == "Which?\n\n"
    assert shape is not None
    split = shape.split(context)
    assert split is not None
    assert split.demonstrations[0][0] == "Is it so?\ngreat film"


@pytest.mark.parametrize("context", ["", "Review: great film", "Sentiment:", "a\nb\nc", "good good good"])
def test_no_shape_where_there_is_none(context: str) -> None:
    assert infer([context], SPACED) is None


def test_every_context_must_have_the_shape() -> None:
    assert infer([REVIEWS, INLINE], SPACED) is None
    shape = infer([REVIEWS], SPACED)
    assert shape is not None
    assert shape.split(INLINE) is None
    assert replace(shape, opening="Other").split(REVIEWS) is None
    assert replace(shape, before="Text: ").split(REVIEWS) is None
