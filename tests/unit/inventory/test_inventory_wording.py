"""The wording of all that the checks of an inventory report, in both languages.

`UPDATE_GOLDEN=1 pytest tests/unit/inventory/test_inventory_wording.py` writes the files of tests/golden again.
"""

import pytest
from tests.unit.inventory.wording import texts
from tests.unit.messages import golden
from tools.translations import templates

ALL = texts()
AREAS = ("src/inferfleet/inventory/", "src/inferfleet/settings/")


@pytest.fixture(scope="module")
def written():
    """Return every text in English and Chinese."""
    return golden.in_languages(ALL)


@pytest.mark.parametrize("language", golden.LANGUAGES)
def test_wording(written, language):
    golden.compare("inventory", language, written[language])


def test_no_english_sentence_is_left_in_chinese(written):
    # Messages of Ansible about an expression, and of pydantic about a value, stay English.
    foreign = ("无法求值", "无效")
    left = golden.english_sentences(written["zh"])
    assert [text for text in left if not any(word in text for word in foreign)] == []


def test_chinese_texts_are_chinese(written):
    assert golden.without_chinese(written["zh"]) == []


def test_codes_are_given():
    assert golden.without_code(ALL) == []


def test_every_template_is_covered():
    named = {text for text, places in templates().items() if any(place.startswith(AREAS) for place in places)}
    assert named - {template for text in ALL for template in golden.templates_of(text)} == set()
