"""The pages for people, and the code that they show."""

import re
from pathlib import Path

from infra.files import REPOSITORY

PAGES = sorted([*REPOSITORY.glob("*.md"), *(REPOSITORY / "docs").rglob("*.md")])
FENCED = re.compile(r"^```\w*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def code_of(page: Path) -> list[str]:
    """The fenced blocks and inline code of a page."""
    text = page.read_text()
    inline: list[str] = re.findall(r"`([^`\n]+)`", FENCED.sub("", text))
    return FENCED.findall(text) + inline


def programs(page: Path) -> list[str]:
    """The Python programs that a page tells people to run."""
    program = re.compile(r'python -c "\n(.*?)"$', re.DOTALL | re.MULTILINE)
    return [code for block in code_of(page) for code in program.findall(block)]
