"""Templates that are data in YAML files: each has its Chinese, with the same parameters."""

from collections.abc import Iterator
from string import Formatter

import pytest

from inferfleet.doctor import load_symptoms
from inferfleet.messages import gettext


def templates() -> Iterator[tuple[str, bool]]:
    """Yield each template, and whether it has parameters: one without is literal text, braces included."""
    for symptom in load_symptoms():
        yield from ((text, False) for text in (symptom.title, symptom.cause, symptom.check, symptom.remedy))
        yield from ((sentence.template, True) for sentence in symptom.evidence)


def names(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


@pytest.mark.parametrize("template", dict.fromkeys(template for template, _ in templates()))
def test_a_template_has_its_chinese(template: str) -> None:
    assert gettext(template, "zh") not in ("", template)


@pytest.mark.parametrize("template", dict.fromkeys(template for template, filled in templates() if filled))
def test_the_chinese_has_the_same_parameters(template: str) -> None:
    assert names(gettext(template, "zh")) == names(template)
