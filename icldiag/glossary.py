"""What the words on the screens mean, a sentence each: the one source of key `i` and of docs/glossary.md."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Term:
    """A word of the field. `patterns` are how screens write it, as regular expressions; without any, the name."""

    name: str
    meaning: str
    patterns: tuple[str, ...] = ()

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        spellings = self.patterns or (re.escape(self.name),)
        return re.compile("|".join(rf"(?<!\w)(?:{one})(?!\w)" for one in spellings), re.IGNORECASE)

    def is_in(self, text: str) -> bool:
        return self._pattern.search(text) is not None


def terms_in(text: str) -> list[Term]:
    """The terms that a text uses, by name. Line breaks inside a phrase do not hide it."""
    words = " ".join(text.split())
    return [term for term in TERMS if term.is_in(words)]


def as_markdown(terms: Iterable[Term] = ()) -> str:
    """The page docs/glossary.md."""
    head = (
        "# Glossary\n\nMade by `python tools/pages.py` from `icldiag/glossary.py`. In the app `i` explains the "
        "words that are on the screen.\n\n| term | meaning |\n| --- | --- |\n"
    )
    cell = "| {} | {} |\n"
    rows = (cell.format(term.name, term.meaning.replace("|", "\\|")) for term in terms or TERMS)
    return head + "".join(rows)


TERMS: tuple[Term, ...] = tuple(
    sorted(
        (
            Term(
                "affine calibration",
                "A scale and a bias for each label's log-probability, fitted on labelled texts.",
                ("affine",),
            ),
            Term(
                "batch calibration",
                "Label probabilities divided by their mean over a batch of queries; it takes the labels to be equally "
                "frequent (arXiv 2309.17249).",
                ("batch",),
            ),
            Term(
                "contextual calibration",
                "Label probabilities divided by those of texts without content, such as `N/A` (arXiv 2102.09690).",
                ("contextual",),
            ),
            Term(
                "context window",
                "How many tokens the model can read at once.",
            ),
            Term(
                "cosine",
                "How alike the directions of two vectors are: 1 the same, 0 unrelated, -1 opposite.",
            ),
            Term(
                "domain-context calibration",
                "Label probabilities divided by those of texts made of random words of the prompt's own texts (arXiv "
                "2305.19148).",
                ("domain-context",),
            ),
            Term(
                "forerunner",
                "The token just before a demonstration's label word: the model predicts a label there, as it does at "
                "the target.",
                ("forerunners?",),
            ),
            Term(
                "key",
                "The vector by which attention finds a token; two label words with like keys are hard to tell apart.",
                ("keys",),
            ),
            Term(
                "matrix calibration",
                "Each label's score made from all labels' log-probabilities, fitted on labelled texts; it can "
                "exchange two labels.",
                ("matrix calibration",),
            ),
            Term(
                "mended, broken",
                "A change mends a wrong answer that is right after it, and breaks a right one that is wrong after it.",
                ("mend(?:s|ed)", "broken", "breaks"),
            ),
            Term("percentile", "The share, in percent, of the others that are below."),
            Term(
                "principal direction",
                "One of the directions in which the target's query vectors vary most; distances are measured in these.",
                ("principal directions?",),
            ),
            Term(
                "R",
                "The share of the AUCROC above chance, summed over all layers, that the layers so far have (the "
                "paper's section 2.3).",
                (r"\(R\)",),
            ),
            Term(
                "rank correlation",
                "Whether two lists of numbers have the same order: 1 the same, 0 unrelated, -1 opposite.",
            ),
            Term(
                "S_wp, S_pq, S_ww",
                "The mean saliency of text to label words, of label words to the target, and of all other pairs (the "
                "paper's section 2.1).",
                ("S_wp", "S_pq", "S_ww"),
            ),
            Term(
                "template",
                "How a text and its label are written in the prompt, such as `Question: TEXT Answer Type: LABEL`.",
            ),
            Term("token", "A piece of text that the model reads as one: a word or a part of one.", ("tokens?",)),
            Term("accuracy", "The share of the queries with a gold label that are answered with it."),
            Term(
                "agreement",
                "In how many queries the label that gets most of the target's attention is also the answer; "
                "guessing among n labels would agree in about 1/n.",
                ("agree(?:s|ment)?",),
            ),
            Term(
                "aggregation",
                "The flow of information from a demonstration's text into its label word, mostly in shallow layers.",
                ("aggregation",),
            ),
            Term(
                "anchor",
                "A token of a demonstration's label word: where the demonstration's content gathers, and where the "
                "target reads it.",
                ("anchors?",),
            ),
            Term(
                "AUC",
                "The chance that a score ranks a random member of one class above one of the other: 1 separates them "
                "perfectly, 0.5 is chance.",
                ("AUCs?", "ROC-AUC"),
            ),
            Term(
                "AUCROC",
                "Of the target's attention to the label words in a layer, the AUC with which it predicts the model's "
                "own answers; 0.5 is chance.",
            ),
            Term(
                "balanced accuracy",
                "The mean over the classes of the share of their queries that are answered right, so that rare "
                "classes count as much as common ones.",
            ),
            Term(
                "beta",
                "One number for each layer, head and demonstration: the target's attention to that anchor is "
                "multiplied by exp(beta), so 0 changes nothing.",
                ("beta", "betas"),
            ),
            Term(
                "calibration",
                "A correction of the label probabilities, such as dividing them by the answer to a text that says "
                "nothing.",
                ("calibrat(?:ion|ions|ed|e)",),
            ),
            Term(
                "compression",
                "The query is answered with only the keys and values of the label words and the template kept from "
                "the demonstrations.",
                ("compress(?:ion|ed)?", "kept vectors?"),
            ),
            Term(
                "content-free query",
                "A query such as `N/A` that says nothing, so that the answer to it shows what the prompt alone "
                "prefers.",
                ("content-free",),
            ),
            Term("cut", "Attention that is taken away in some layers, to see what depended on it.", ("cut",)),
            Term(
                "decided",
                "The layer from which on the answer leads all other labels, as far as the logit lens can be read.",
            ),
            Term(
                "demonstration",
                "One of the labelled examples that the prompt shows before the query.",
                ("demonstrations?",),
            ),
            Term(
                "distance",
                "How far apart the key vectors of two label words are in the directions in which the target looks; "
                "of each prompt the largest is 1, and a small one lets the labels be confused.",
                ("distances?", "closest pair"),
            ),
            Term(
                "extraction",
                "The flow of information from the label words to the target, mostly in deep layers.",
                ("extraction",),
            ),
            Term(
                "flow",
                "How much information goes from one kind of place to another, as a share of the layer's saliency.",
            ),
            Term(
                "gold label", "The right answer to a query, where the prompt file gives it.", ("gold", "gold labels?")
            ),
            Term(
                "head",
                "One of the attention units of a layer; 21.7 is head 7 of layer 21.",
                (r"heads?", r"\d+\.\d+ ablated"),
            ),
            Term(
                "interval",
                "The range that holds the true value in 95 of 100 such measurements; with few queries it is wide.",
                ("interval", r"\d[\d.]* to \d[\d.]*%"),
            ),
            Term(
                "isolated",
                "A label word is isolated in a layer when it can read nothing before itself there.",
                ("isolat(?:ed|e|es|ion)",),
            ),
            Term(
                "label loyalty",
                "The share of answers that are the same label as without the change.",
                ("label loyalty",),
            ),
            Term(
                "label prior",
                "What the prompt answers before it has read a query: how probable each label is for texts that say "
                "nothing.",
                ("priors?", "label prior"),
            ),
            Term(
                "label word", "The word that stands for a class in the prompt, such as `Location`.", ("label words?",)
            ),
            Term(
                "layer",
                "One step of the model from input to output, counted from 0; shallow ones are near the input, deep "
                "ones near the output.",
                ("layers?",),
            ),
            Term(
                "lead",
                "How far the answer is ahead of its rival: log p(answer) - log p(rival), in nats; below 0 the rival is "
                "ahead.",
                ("leads?", "lead of"),
            ),
            Term(
                "lean",
                "How much the prompt prefers a label where the query says nothing, in nats over the mean of the other "
                "labels.",
                ("leans?", "leaning"),
            ),
            Term(
                "logit lens",
                "The target's state after each layer read as if it were the last one, to see when the answer appears.",
                ("logit lens", "lens"),
            ),
            Term(
                "loss",
                "Minus the log of the gold label's probability, in nats, averaged over the examples: 0 is perfect.",
                ("loss(?:es)?",),
            ),
            Term(
                "macro-F1",
                "The mean over the classes of F1, which is high only where few are missed and few are wrongly claimed.",
            ),
            Term(
                "Mantel's test",
                "Whether two matrices of pairs resemble each other more than after shuffling the labels; it tells "
                "whether close anchors are the ones mixed up.",
                ("mantel(?:'s)?(?: test)?",),
            ),
            Term(
                "mass",
                "The probability, of the whole vocabulary, that the label words' first tokens hold together; where it "
                "is small the model would rather write something else.",
                ("mass", "label words hold", "hold .{0,40}probability"),
            ),
            Term(
                "McNemar's test",
                "Whether a change mends more answers than it breaks by more than chance; it counts only the answers "
                "that change.",
                ("mcnemar(?:'s)?(?: exact)?(?: test)?",),
            ),
            Term(
                "nat",
                "The unit of natural logarithms: 1 nat is a factor of 2.7 between two probabilities, 0.7 nats a "
                "factor of 2.",
                ("nats?",),
            ),
            Term(
                "order",
                "The order in which the demonstrations stand; in another the same query may get another answer.",
                ("orders?",),
            ),
            Term(
                "p",
                "The chance of a result at least this large where there is no effect; below 0.05 is the usual bar.",
                (r"p (?:=|<|of|below) ?0?\.?\d+", r"p 0?\.\d+"),
            ),
            Term(
                "position-free keys",
                "Key vectors with their rotary positions undone, so that the place in the prompt does not make two "
                "labels look alike or apart.",
                ("position-free", "(?:with|without) (?:their )?(?:rotary )?positions"),
            ),
            Term("query", "The text to classify, at the end of the prompt.", ("quer(?:y|ies)",)),
            Term(
                "random anchors",
                "The control of compression: as many words that are no label words are kept instead.",
                ("random(?: anchors?| words?)?",),
            ),
            Term(
                "re-weighting",
                "Training a beta on a few labelled examples, so that the target reads the anchors with other weights "
                "(the paper's section 3.1).",
                ("re-?weight(?:ing|ed|s)?",),
            ),
            Term(
                "recency",
                "That the class shown last is answered more often because it stands last.",
                ("recency", "shown last"),
            ),
            Term(
                "repair",
                "A change of the prompt or of its calibration that is measured on labelled examples and confirmed on "
                "others.",
                ("repairs?",),
            ),
            Term(
                "rival",
                "The label that an answer is compared with: the gold label of a wrong answer, otherwise the second "
                "most probable.",
                ("rivals?", "runner-up"),
            ),
            Term(
                "saliency",
                "Attention times the gradient of the loss with respect to it: how much each attended token matters for "
                "the answer (the paper's section 2.1).",
                ("salien(?:cy|t)",),
            ),
            Term(
                "separability",
                "The AUC with which the scores tell two labels apart, whatever the prompt leans to; high with wrong "
                "answers means that a calibration can help.",
                ("separab(?:ility|le)", "tell .{0,30}apart", "separated?"),
            ),
            Term(
                "supported",
                "A cause that a second test, which does not look at the same change, agrees with.",
                ("supported", "unsupported"),
            ),
            Term(
                "target",
                "The last token of the prompt, where the model says the label.",
                ("target",),
            ),
            Term("turns", "A change turns an answer when the rival is the answer after it.", ("turn(?:s|ed)?",)),
            Term(
                "word loyalty",
                "How much the most probable words at the target stay the same: the overlap of the top 5 before and "
                "after, 1 where they are the same.",
                ("word loyalty",),
            ),
        ),
        key=lambda term: term.name.casefold(),
    )
)
