"""The templates that demonstrations are written in, as icldiag's prompt files write them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """``before`` + text + ``between`` + " " + label word."""

    before: str
    between: str


_NAMED = (
    "Review/Sentiment Question/Answer_Type Article/Answer Dialogue/Emotion Message/Intent Text/Class Request/Intent "
    "Input/Output Sentence/Label Query/Category Question/Type News/Topic Utterance/Intent Text/Label Text/Category "
    "Document/Topic Tweet/Sentiment Comment/Feeling Example/Class Q/A Customer/Intent Headline/Section Title/Topic "
    "Conversation/Emotion Statement/Answer Input/Label User/Action Text/Sentiment Question/Answer x/y Item/Group"
)
TEMPLATES = (
    *(
        Template(f"{before}: ", f"\n{between.replace('_', ' ')}:")
        for before, between in (pair.split("/") for pair in _NAMED.split())
    ),
    Template("Review: ", " Sentiment:"),
    Template("Text: ", " Label:"),
    Template("Q: ", " Type:"),
    Template("", " =>"),
    Template("", " ->"),
    Template("", "\nLabel:"),
    Template("", " :"),
    Template("- ", " is"),
)
#: Between one demonstration and the next; the single line break is by far the most common.
SEPARATORS = ("\n", "\n", "\n", "\n\n")
INSTRUCTIONS = (
    "Classify each text.",
    "Classify the following texts into one of the classes.",
    "Give the right label for every example.",
    "Classify the questions by the type of their answer.",
    "Decide which intent each message has.",
    "What is the sentiment of each review?",
    "Label the articles by topic.",
    "Choose the best category for the last text.",
    "Here are some examples, each with its answer.",
    "Name the emotion of each dialogue.",
)
