"""The wording of all that the planner says, in both languages.

`UPDATE_GOLDEN=1 pytest tests/unit/planner/test_wording.py` writes the files of tests/golden again.
"""

import os
import re
from pathlib import Path

import pytest
from tests.unit.planner.wording import texts

from inferfleet.messages import use_language

GOLDEN = Path(__file__).parents[2] / "golden"
# Words that no language changes: code, paths, names with digits, and what stands in quotes.
NAMES = re.compile(r"`[^`]*`|'[^']*'|[\w.-]*[/_=\d][\w./:=+-]*")


@pytest.fixture(scope="module")
def said():
    """Return every text in English and Chinese."""
    both = {}
    for language in ("en", "zh"):
        use_language(language)
        both[language] = [str(text) for text in sorted(ALL, key=_english)]
    use_language("en")
    return both


def _english(text):
    form = text.as_dict()
    return f"{form['message']} {form.get('remedy', '')}"


ALL = texts()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_wording(said, language):
    file = GOLDEN / f"planner.{language}.txt"
    written = "\n".join(said[language]) + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        file.write_text(written)
    assert written == file.read_text()


def test_no_english_sentence_is_left_in_chinese(said):
    english = [text for text in said["zh"] if re.search(r"(?:\b[A-Za-z]+\b[ ,;:]*){4}", NAMES.sub("0", text))]
    assert english == []


def test_chinese_texts_are_chinese(said):
    named = [text for text in said["zh"] if not re.search("[\u4e00-\u9fff]", text)]
    # A reason may be no more than the engine's own name and version.
    assert [text for text in named if len(text.split()) > 3] == []


def test_codes_are_given():
    assert [str(text) for text in ALL if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text.code)] == []
