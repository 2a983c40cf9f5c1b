"""Filter patterns of CloudWatch Logs: words and phrases, as FilterLogEvents has them.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import re
from collections.abc import Callable

from pipeline.local.endpoint.wire import ServiceError
from pipeline.printable import printable

# An optional sign, then a phrase in quotation marks or a word of what needs none.
_TERM = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|([A-Za-z0-9_]+))(?=\s|$)')
_OTHERS = {"{": "of JSON", "[": "of columns", "%": "of regular expressions"}


def log_matcher(pattern: str) -> Callable[[str], bool]:
    """What tells whether a message matches.

    All words and phrases must be in it, of those with `?` one must where all have it, and none of those with `-`.

    Raises:
        ServiceError: the pattern is malformed, or of a kind that is not read here.
    """
    text = pattern.strip()
    kind = _OTHERS.get(text[:1]) or ("of regular expressions" if re.match(r"[-?]?%", text) else None)
    if kind is not None:
        raise ServiceError(
            "InvalidParameterException",
            f"The local SageMaker reads no filter patterns {kind}: name words, and phrases in quotation marks.",
        )
    terms: dict[str, list[str]] = {"": [], "?": [], "-": []}
    place = 0
    while place < len(text):
        found = _TERM.match(text, place)
        if found is None:
            raise ServiceError(
                "InvalidParameterException",
                f"Invalid filter pattern: put quotation marks around {printable(text[place:].strip()[:60])}.",
            )
        phrase = re.sub(r"\\(.)", r"\1", found[2]) if found[3] is None else found[3]
        terms[found[1]].append(phrase)
        place = found.end()

    def matches(message: str) -> bool:
        if any(term in message for term in terms["-"]):
            return False
        # Beside words that must be there, those with a question mark do not count.
        if terms[""] or not terms["?"]:
            return all(term in message for term in terms[""])
        return any(term in message for term in terms["?"])

    return matches
