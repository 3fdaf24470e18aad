"""The Chinese architecture picture is generated from the English one, with all its texts."""

import re

from tools.architecture_doc import DOCS, outputs

NAMES = {"Open WebUI", "SSH", "HTTPS 8443", "8444"}


def test_texts_of_the_picture_are_translated():
    picture = dict(outputs())[DOCS / "zh/images/architecture.svg"]
    texts = set(re.findall(r">([^<>\n]+)</(?:text|title|tspan)>", picture))
    assert {text for text in texts if not re.search("[\u4e00-\u9fff]", text)} == NAMES
