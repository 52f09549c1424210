"""Users' text on one line, exactly as typed, with nothing in it that a terminal would obey.

Control and escape characters, line breaks and invisible or reordering characters are replaced by a visible sign of
their own; everything else stays. The result holds no character that moves the cursor or changes the direction.
"""

from __future__ import annotations

import unicodedata

_SIGNS = {"\n": "¶", "\t": "→"}  # in every font, unlike the control pictures
_ASCII_SIGNS = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# Joiners that scripts and emoji need; harmless on a terminal.
_REPLACEMENT = "\ufffd"  # stands for bytes that are no text, so it is no text of the user's
_KEPT_FORMATS = {"\u200c", "\u200d", "\ufe0e", "\ufe0f"}


def visible(text: str, ascii_only: bool = False) -> str:
    """`text` on one line with every control, format and separator character shown as a sign."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_sign(character, ascii_only) for character in text)


def _sign(character: str, ascii_only: bool) -> str:
    signs = _ASCII_SIGNS if ascii_only else _SIGNS
    if character in signs:
        return signs[character]
    if character == _REPLACEMENT and ascii_only:
        return "<U+FFFD>"
    code = ord(character)
    if code < 0x20 or code == 0x7F:
        return "^" + chr(code ^ 0x40)
    if unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") and character not in _KEPT_FORMATS:
        return f"<U+{code:04X}>"
    return character
