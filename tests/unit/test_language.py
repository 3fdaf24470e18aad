"""The project's terms (terms.yml), in texts, identifiers, file names, names of Ansible tasks and titles."""

import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
NOT_TRACKED = {"build", "dist", "node_modules", "venv"}
CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
GAP = r"""[\s#"'-]+"""  # between the words of a phrase, which may continue on the next line
TASK_FOLDERS = {"tasks", "handlers", "playbooks", "molecule"}
ENTRY = re.compile(r"^( *)- name: +(.+)$", re.MULTILINE)
TITLE = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
CODE_BLOCK = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
NO_VERB = re.compile(
    r"(a|all|an|another|each|every|here|how|if|it|its|no|not|nothing|now|one|only|other|so|that|the|their|them|then|there"
    r"|these|they|this|those|what|when|where|which|who|why)\b"
)
NO_OBJECT = re.compile(r"\bthem\b|^\w+ (it|so)\b|^\w+ (this|that|one|nothing)$")
ADVICE = "an imperative with its object, such as Install the NVIDIA Container Toolkit"


@dataclass(frozen=True)
class Term:
    word: re.Pattern[str]
    prefix: str  # letters that every match begins with
    write: str
    exceptions: tuple[str, ...]


def load_terms(content: dict[str, Any]) -> list[Term]:
    terms = []
    for entry in content["terms"]:
        for word in entry["avoid"]:
            literal = re.match(r"[a-z]{2,}(?![a-z?])|[a-z]{2,}(?=[a-z]\?)", word)
            assert literal is not None, f"{word} does not begin with two letters"
            pattern = re.compile(word.replace(" ", GAP) + "(?![a-z])")
            terms.append(Term(pattern, literal[0], entry["write"], tuple(entry.get("except", ()))))
    return terms


CONTENT = yaml.safe_load(Path(__file__).with_name("terms.yml").read_text())
TERMS = load_terms(CONTENT)


def split_identifiers(text: str) -> str:
    return CAMEL_CASE.sub(" ", text.replace("\\n", "  ")).replace("_", " ").lower()


def matches(path: str, patterns: Any) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)


def terms_in(path: str, text: str) -> Iterator[str]:
    """Yield where a text or its path contains a term to avoid, and what to write."""
    for where, searched in (("", split_identifiers(path)), ("text", split_identifiers(text))):
        for term in TERMS:
            if term.prefix not in searched or matches(path, term.exceptions):
                continue
            for match in term.word.finditer(searched):
                if searched[match.start() - 1 : match.start()].isalpha():  # a lookbehind in the pattern would be slow
                    continue
                line = f":{searched.count(chr(10), 0, match.start()) + 1}" if where else ""
                yield f"{path}{line}: {' '.join(re.findall('[a-z]+', match[0]))!r}: write {term.write}"


def task_names_in(path: str, text: str, modules: set[str]) -> Iterator[str]:
    """Yield tasks and plays whose name is a pronoun or a riddle; a play may be named by one word."""
    for match in ENTRY.finditer(text):
        indent = " " * (len(match[1]) + 2)
        body = re.match(rf"(?:\n|{indent}.*\n?)*", text[match.end() + 1 :])
        keys = set(re.findall(rf"^{indent}([\w.]+):", body[0] if body else "", re.MULTILINE))
        play = bool(keys & {"hosts", "ansible.builtin.import_playbook"})
        if not play and not any("." in key or key in modules or key == "block" for key in keys):
            continue
        name = match[2].strip("\"' ")
        single = " " not in name
        riddle = NO_VERB.match(name.lower()) or NO_OBJECT.search(name.lower())
        if not name.startswith("{{") and (riddle or (single and not play)):
            yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: name {name!r}: write {ADVICE}"


def titles_in(path: str, text: str) -> Iterator[str]:
    """Yield titles that are a question, or refer to something by a pronoun."""
    text = CODE_BLOCK.sub(lambda block: "\n" * block[0].count("\n"), text)
    for match in TITLE.finditer(text):
        words = re.findall(r"[\w'-]+", match[1].lower())
        if match[1].endswith("?") or {"it", "them"} & set(words) or NO_VERB.match(match[1].lower()):
            yield f"{path}:{text.count(chr(10), 0, match.start()) + 1}: title {match[1]!r}: write a noun or a task"


def tracked_files() -> list[str]:
    """Return the paths of git; without git, those of all files but hidden ones and build outputs."""
    git = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if git.returncode == 0:
        return [name for name in git.stdout.split("\0") if name]
    names = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [
            name for name in folders if name[0] not in "._" and name not in NOT_TRACKED and ".egg-info" not in name
        ]
        names += [str(Path(folder, name).relative_to(ROOT)) for name in files]
    return sorted(names)


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    found = {}
    for name in tracked_files():
        path = ROOT / name
        if path.is_file() and not path.is_symlink():
            try:
                found[name] = path.read_text("utf-8")
            except UnicodeDecodeError:
                found[name] = ""  # an image: only its name is checked
    return found


def test_texts_and_names_use_standard_terms(texts: dict[str, str]) -> None:
    problems = [
        problem
        for path, text in texts.items()
        if not matches(path, CONTENT["exempt"])
        for problem in terms_in(path, text)
    ]
    assert not problems, "\n" + "\n".join(problems)


def test_task_names_are_understandable_alone(texts: dict[str, str]) -> None:
    modules = {Path(path).stem for path in texts if {"action", "modules", "action_plugins"} & set(Path(path).parts)}
    problems = [
        problem
        for path, text in texts.items()
        if path.endswith(".yml") and (TASK_FOLDERS & set(Path(path).parts) or path == "site.yml")
        for problem in task_names_in(path, text, modules)
    ]
    assert not problems, "\n" + "\n".join(problems)


def test_titles_are_nouns_or_tasks(texts: dict[str, str]) -> None:
    problems = [problem for path, text in texts.items() if path.endswith(".md") for problem in titles_in(path, text)]
    assert not problems, "\n" + "\n".join(problems)


def test_exceptions_match_files(texts: dict[str, str]) -> None:
    patterns = [*CONTENT["exempt"], *(pattern for term in TERMS for pattern in term.exceptions)]
    assert [pattern for pattern in patterns if not any(fnmatchcase(path, pattern) for path in texts)] == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("No way out.", "a.py:1: 'way out': write internet access, egress proxy, air-gapped"),
        ("one\ndef way_out():", "a.py:2: 'way out': write internet access, egress proxy, air-gapped"),
        ("# the old one is set\n# aside", "a.py:1: 'set aside': write back up"),
        ("class WriteWhole:", "a.py:1: 'whole': write complete, entire; atomic for a write"),
        ("HopelessError", "a.py:1: 'hopeless': write fatal"),
        ("improve, --ask-vault-pass, --ask-become-pass, -k/--ask-pass, wholesale, a list of whole numbers", None),
    ],
)
def test_terms_are_found(text: str, problem: str | None) -> None:
    assert list(terms_in("a.py", text)) == [problem] * (problem is not None)


def test_terms_in_paths_are_found() -> None:
    assert list(terms_in("roles/x/tasks/mend.yml", "")) == ["roles/x/tasks/mend.yml: 'mend': write repair"]


@pytest.mark.parametrize(
    ("name", "body", "wrong"),
    [
        ("Prove it", "ansible.builtin.ping:", True),
        ("Copy them", "ansible.builtin.ping:", True),
        ("What is there", "own_module:", True),
        ("Report", "block:", True),
        ("Preflight", "hosts: all", False),
        ("mlx5_0", "port: 1", False),
        ("Prepare the demo and run it", "ansible.builtin.ping:", False),
    ],
)
def test_riddles_in_task_names_are_found(name: str, body: str, wrong: bool) -> None:
    text = f"---\n- name: {name}\n  {body}\n"
    expected = [f"tasks/a.yml:2: name {name!r}: write {ADVICE}"] if wrong else []
    assert list(task_names_in("tasks/a.yml", text, {"own_module"})) == expected


def test_riddles_in_titles_are_found() -> None:
    text = "# Network\n```\n# What is shown\n```\n## What stays\n## Use it\n"
    assert list(titles_in("a.md", text)) == [
        "a.md:5: title 'What stays': write a noun or a task",
        "a.md:6: title 'Use it': write a noun or a task",
    ]
