"""No line ends inside a quoted token (' Drug' stays whole, its leading space is no place to break) or inside "45 s".

Rich 15 and Textual 8.2.8, which wraps by it, break lines at every space, also at one that does not break. It can go
when they keep U+00A0.
"""

from __future__ import annotations

import re

from rich import _wrap

# A quote that opens a word, and the spaces after it, belong to the word; so does the space between a time and its unit.
_wrap.re_word = re.compile(r"\s*(?:(?<![^\s(\[])['\"] +(?=\S)|(?<=\d) (?=(?:ms|s|min|h)\b)|\S)+\s*")
