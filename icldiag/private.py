"""What in an answer is a text of the user, or a token that may have come from one."""

from __future__ import annotations

#: The metadata of a dataclass field that holds such texts, so that a report can be written without them.
PRIVATE = {"private": True}

#: Of a field that may be left empty without the texts.
OMITTED = {"private": "omitted"}
