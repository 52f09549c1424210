"""The parts of a prompt that the target's attention is shared among."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from icldiag.prompt.encoded_prompt import EncodedPrompt

#: The first token is apart, for many heads rest on it. `template` holds all else: separators, an instruction, special
#: tokens, the target itself.
DESTINATIONS = ("first token", "query", "demonstrations", "template", "label words")
FIRST, QUERY, DEMONSTRATIONS, TEMPLATE, LABEL_WORDS = range(len(DESTINATIONS))


def destination_of_positions(encoded: EncodedPrompt) -> NDArray[np.int64]:
    """(n, longest prompt) which of DESTINATIONS each position of a query's prompt belongs to."""
    parts = np.full((len(encoded.queries), encoded.longest), TEMPLATE)
    for one in encoded.demonstrations:
        parts[:, one.text_positions] = DEMONSTRATIONS
    for query, own in enumerate(encoded.queries):
        parts[query, own.text_positions] = QUERY
    for one in encoded.demonstrations:
        parts[:, slice(*one.label)] = LABEL_WORDS
    parts[:, 0] = FIRST
    return parts
