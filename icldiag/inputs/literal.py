"""Lists as Python writes them: `['a', 'b']`."""

from __future__ import annotations

import ast
import re
from typing import Any

from icldiag.inputs.json_text import nesting, too_long
from icldiag.inputs.values import DEPTH

#: Texts, plain numbers and names in brackets: all that str() writes of a list, and no sums, which may go on for ever.
_TEXT = r"""'(?:[^'\\\n]++|\\.)*+'|"(?:[^"\\\n]++|\\.)*+\""""
_LIST = re.compile(rf"\[(?:{_TEXT}|-?\d[\d.]*+(?:e[+-]?\d{{1,3}})?|None|True|False|[\[\](),\s])*+")


def parse_list(text: str) -> list[Any] | None:
    """The list that the text is, or None for any other text."""
    if not (_LIST.fullmatch(text) and text.endswith("]")):
        return None
    bare = re.sub(_TEXT, "''", text)
    if nesting(bare.replace("(", "[").replace(")", "]")) > DEPTH or too_long(bare):
        return None
    try:
        value = ast.literal_eval(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    return value if isinstance(value, list) else None
