"""What a package index shows of this project: the README as it reads where the repository is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_PICTURES = re.compile(r"<!-- pictures.*?<!-- end of pictures -->\n*", re.DOTALL)
_PAGE = re.compile(r"(?<!!)\[([^\]]*)\]\(docs/(\w+)\.md(?:#[^)]*)?\)")
_OTHER = re.compile(r"(?<!!)\[([^\]]*)\]\((?!https?://)[^)]*\)")


def without_repository(readme: str) -> str:
    """No picture and no link that only the repository has. A page of docs/ is in the wheel: its command is named."""

    def page(found: re.Match[str]) -> str:
        command = f"`icldiag docs {found[2]}`"
        return command if found[1].startswith("docs/") else f"{found[1]} ({command})"

    return _OTHER.sub(r"\1", _PAGE.sub(page, _PICTURES.sub("", readme)))


class ReadmeHook(MetadataHookInterface):
    """Found by hatchling, as pyproject.toml says."""

    def update(self, metadata: dict[str, Any]) -> None:
        text = without_repository((Path(self.root) / "README.md").read_text(encoding="utf-8"))
        metadata["readme"] = {"content-type": "text/markdown", "text": text}
