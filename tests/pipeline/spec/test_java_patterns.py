import sys
import unicodedata

import pytest

from pipeline.spec.java_patterns import compile_pattern, matches
from pipeline.spec.service_model import service_model


def test_every_pattern_of_the_model_compiles() -> None:
    patterns = {
        pattern
        for name in service_model().shape_names
        if (pattern := service_model().shape_for(name).metadata.get("pattern"))
    }
    assert len(patterns) > 100
    for pattern in patterns:
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "fits", "does_not"),
    [
        (r"\w+", "abc_1", "é"),
        (r"\d+", "12", "١٢"),
        (r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*)", "Équipe 2 of ١٢/@", "a;b"),
        (r"[\p{L}\p{M}\p{Z}\p{S}\p{N}\p{P}]*", "90 % – 3×3 😀", "a\nb"),
        (r"([\p{L}_.]*)${1,128}", "clé_1".replace("1", ""), "clé 1"),
        (r"arn:[\p{Alnum}\-]+:x", "arn:aws-cn:x", "arn:aws_cn:x"),
        (r"[\u0020-\uD7FF\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF\t]*", "a\tb 😀", "a\nb"),
        (r"\p{Print}+", "requests of ~", "größer"),
        (".*", "any text", "two\nlines"),
    ],
)
def test_patterns_mean_what_they_mean_in_java(pattern: str, fits: str, does_not: str) -> None:
    assert matches(pattern, fits)
    assert not matches(pattern, does_not)


@pytest.mark.parametrize("letter", "LMNPSZ")
def test_a_category_has_the_characters_that_unicode_says(letter: str) -> None:
    of_category: list[str] = []
    others: list[str] = []
    for point in range(0, sys.maxunicode + 1, 7):
        mine = unicodedata.category(chr(point))[0] == letter
        (of_category if mine else others).append(chr(point))
    assert matches(rf"[\p{{{letter}}}]+", "".join(of_category))
    assert not any(matches(rf"[\p{{{letter}}}]", character) for character in others[::997])
    assert not matches(rf"[\p{{{letter}}}]+", "".join((*of_category, others[0])))
    assert matches(rf"[^\p{{{letter}}}]", others[0])
