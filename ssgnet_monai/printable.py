"""Text for a terminal: file names may hold codes that it obeys."""

import re

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def printable(text: str) -> str:
    """Write control codes and those of writing direction out as ``\\x1b``; line ends and tabs stay."""
    return CONTROL.sub(lambda code: code[0].encode("unicode_escape").decode(), text)
