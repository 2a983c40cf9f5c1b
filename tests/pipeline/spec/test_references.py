from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.spec.references import Reference, look_up, parse_path, parse_reference


@pytest.mark.parametrize(
    "text", ["", "$", ".a", "a.", "a..b", "a[", "a[x]", "a[-1]", "a['b]", "a]b", "a[0]b"]
)
def test_a_malformed_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"must be a path such as"):
        parse_path(text)


def test_a_reference_has_a_root_a_name_and_a_path() -> None:
    assert parse_reference("Parameters.Epochs") == Reference("Parameters", "Epochs")
    assert parse_reference("Execution.PipelineName") == Reference("Execution", "PipelineName")
    assert parse_reference("Steps.A-1.B['c.d'][0].E") == Reference("Steps", "A-1", ("B", "c.d", 0, "E"))


@pytest.mark.parametrize(
    "text", ["", "Steps", "Parameters.", "Execution.A.B", "Steps[0].x", "steps.A.B", "Steps.[0]"]
)
def test_a_malformed_reference_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"^Get must be"):
        parse_reference(text)


KEYS = st.lists(st.integers(0, 99) | st.text(st.characters(exclude_characters="'"), max_size=5), min_size=1)


@settings(deadline=None)
@given(KEYS)
def test_a_path_written_with_subscripts_is_read_back(keys: list[str | int]) -> None:
    text = "".join(f"[{key}]" if isinstance(key, int) else f"['{key}']" for key in keys)
    assert parse_path(text) == tuple(keys)


@settings(deadline=None)
@given(st.lists(st.text("abcXYZ_- 0", min_size=1, max_size=4), min_size=1))
def test_a_path_written_with_dots_is_read_back(keys: list[str]) -> None:
    assert parse_path(".".join(keys)) == tuple(keys)


@settings(deadline=None)
@given(KEYS, st.integers())
def test_what_lies_at_a_path_is_found(keys: list[str | int], value: int) -> None:
    document: object = value
    for key in reversed(keys):
        document = {key: document} if isinstance(key, str) else [None] * key + [document]
    assert look_up(document, tuple(keys)) == value
