"""Every user-visible text is a template with a Chinese translation.

If a test fails: mark the template with N_, pass its values as parameters, and add the Chinese translation to the
catalog of its area in src/inferfleet/locale/zh_CN/LC_MESSAGES (docs/en/translations.md).
"""

import re
from string import Formatter

from tests.unit.messages.templates import sources, text_classes, unmarked
from tools.translations import CATALOGS, content_of, read_catalogs, shown_names, templates

_HAN = "[\u4e00-\u9fff]"


def _entries():
    return [(file.name, message.id, message.string) for file, catalog in read_catalogs().items() for message in catalog]


ENTRIES = [entry for entry in _entries() if entry[1]]


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_every_template_has_a_translation():
    translated = {english for _, english, chinese in ENTRIES if chinese}
    missing = [
        f"{places[0]}: {text}" for text, places in templates().items() if text not in translated and _words(text)
    ]
    assert not missing, _listed("add the Chinese of these to a file of locale/zh_CN/LC_MESSAGES", missing)


def test_names_of_tasks_are_templates():
    play = {"name": "Play", "tasks": [{"name": "Pull {{ image }}"}, {"import_tasks": "a.yml", "name": "Hidden"}]}
    assert list(shown_names([play])) == ["Play", "Pull {value}"]
    # src/inferfleet/cli/output/text.py translates names with a value at the end
    names = [text for file, text, _ in ENTRIES if file == "tasks.po"]
    assert [name for name in names if "{" in name.removesuffix(" {value}")] == []


def test_every_translation_has_the_fields_of_its_template():
    wrong = [f"{file}: {english}" for file, english, chinese in ENTRIES if _fields(chinese) != _fields(english)]
    assert not wrong, _listed("these translations have other fields than their template", wrong)


def test_every_translation_is_chinese():
    english_only = [entry for entry in ENTRIES if not re.search(_HAN, entry[2]) and _words(entry[1])]
    wrong = [f"{file}: {english}" for file, english, _ in english_only]
    assert not wrong, _listed("these translations hold no Chinese letter", wrong)


def test_chinese_has_its_own_punctuation():
    ascii_mark = re.compile(rf"{_HAN}[,;:!?]|{_HAN}\.(?=\s|$)")
    wrong = [f"{file}: {chinese}" for file, _, chinese in ENTRIES if ascii_mark.search(chinese)]
    assert not wrong, _listed("ASCII punctuation after a Chinese letter (write ，；：！？。)", wrong)


def test_no_template_has_two_translations():
    known: dict[str, str] = {}
    wrong = [f"{file}: {text}" for file, text, chinese in ENTRIES if known.setdefault(text, chinese) != chinese]
    assert not wrong, _listed("two catalogs translate these differently", wrong)


def test_catalogs_are_as_make_translations_writes_them():
    used = templates()
    assert [text for _, text, _ in ENTRIES if text not in used] == []
    assert [file.name for file, catalog in read_catalogs().items() if content_of(catalog) != file.read_bytes()] == []


def test_catalogs_are_read():
    assert [path.name for path in sorted(CATALOGS.glob("*.po"))] == [path.name for path in read_catalogs()]
    assert ENTRIES


def test_texts_are_made_of_marked_templates():
    classes = text_classes()
    found = [line for file in sources() for line in unmarked(file, classes)]
    assert not found, _listed('pass templates as N_("literal") and values as parameters', found)


def _words(text: str) -> bool:
    """Return whether a template holds more than fields, signs and names that stay as they are."""
    return bool(re.search(r"[a-z]{2}", re.sub(r"\{[^}]*\}|`[^`]*`", "", text)))


def _listed(what: str, lines: list[str]) -> str:
    return "\n".join([f"{what}:", *lines])
