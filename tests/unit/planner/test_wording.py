"""The wording of all that the planner reports, in both languages.

`UPDATE_GOLDEN=1 pytest tests/unit/planner/test_wording.py` writes the files of tests/golden again.
"""

import pytest
from tests.unit.messages import golden
from tests.unit.planner.wording import texts

ALL = texts()


@pytest.fixture(scope="module")
def written():
    """Return every text in English and Chinese."""
    return golden.in_languages(ALL)


@pytest.mark.parametrize("language", golden.LANGUAGES)
def test_wording(written, language):
    golden.compare("planner", language, written[language])


def test_no_english_sentence_is_left_in_chinese(written):
    assert golden.english_sentences(written["zh"]) == []


def test_chinese_texts_are_chinese(written):
    # A reason may consist only of the engine's name and version.
    assert [text for text in golden.without_chinese(written["zh"]) if len(text.split()) > 3] == []


def test_codes_are_given():
    assert golden.without_code(ALL) == []
