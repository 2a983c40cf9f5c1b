"""Says what an answer is that is none of a model, in a few words that are safe to print."""

from __future__ import annotations

import json
import re

from pipeline.errors import FashionError
from pipeline.printable import printable

_SHOWN = 500  # characters of a message that came from elsewhere
_TITLE = re.compile(r"<title[^>]*>([^<]{1,200})", re.IGNORECASE)


class AskingFailed(FashionError):
    """A model could not be asked, or answered with an error; the message says who, what, and what to do."""


def message_of(content: bytes) -> str:
    """The "error" of an answer, or what else it is, on one line."""
    text = content[: 16 * _SHOWN].decode(errors="replace")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and isinstance(document.get("error"), str):
        return printable(document["error"][:_SHOWN]).strip() or "no reason"
    if text.lstrip().startswith("<"):
        title = _TITLE.search(text)
        return f"a web page, “{printable(title[1]).strip()}”" if title else "a web page"
    return printable(text[:_SHOWN]).strip() or "no reason"
