"""Parsing of -e as by ansible-playbook, with masked secrets."""

from pathlib import Path

import pytest

from inferfleet.runner.errors import UsageError
from inferfleet.runner.extra_vars import ExtraVars, file_contents, is_secret, parse_extra_vars, shown_extra_vars


def values(option: str) -> dict[str, object]:
    [item] = parse_extra_vars([option], Path("/"))
    assert item.values is not None
    return dict(item.values)


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("model=deepseek-r1", {"model": "deepseek-r1"}),
        ("tensor_parallel_size=2", {"tensor_parallel_size": "2"}),  # Ansible, too, makes it text
        ("a=1 b='two words'", {"a": "1", "b": "two words"}),
        ("url=http://x/?a=b", {"url": "http://x/?a=b"}),
        ('{"tensor_parallel_size": 2, "engine_extra_args": ["--x"]}', None),
        ("{model: r1, deep: {x: 1}}", {"model": "r1", "deep": {"x": 1}}),
    ],
)
def test_all_forms_are_parsed(option: str, expected: dict[str, object] | None) -> None:
    assert values(option) == (expected or {"tensor_parallel_size": 2, "engine_extra_args": ["--x"]})


def test_file_is_relative_to_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / "vars.yml").write_text("a: 1")
    assert parse_extra_vars(["@vars.yml"], tmp_path) == [ExtraVars(file=tmp_path / "vars.yml")]


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("model", "-e model: it is not key=value."),
        ("@none.yml", "-e @none.yml: file /none.yml does not exist."),
        ("[1, 2]", "-e [1, 2]: it is not a mapping."),
        ("1st=x", "-e 1st=…: '1st' is not a variable name."),
        ("engine_api_key='hush", "-e engine_api_key=…: its quotes are unbalanced."),
        ("{a: [", "-e {a=…: it is not valid JSON or YAML"),
    ],
)
def test_invalid_option_is_refused_without_showing_its_value(option: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_extra_vars([option], Path("/"))
    assert refused.value.problem.message.startswith(message)
    assert "hush" not in str(refused.value)
    assert refused.value.problem.remedy


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"- a\n", "not-a-mapping"),
        (b"a: 1\n\tb: 2\n", "yaml-syntax"),
        (b"a: b\0\n", "yaml-syntax"),
        (b"\xff\xfe", "not-text"),
        (b"a: " + b"[" * 3000 + b"]" * 3000, "nested-too-deeply"),
        (b"a: &a [*a]", "nested-too-deeply"),
    ],
)
def test_invalid_file_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "v.yml").write_bytes(content)
    with pytest.raises(UsageError) as refused:
        parse_extra_vars(["@v.yml"], tmp_path)
    assert (refused.value.problem.code, refused.value.problem.parameters["file"]) == (code, "v.yml")


@pytest.mark.parametrize(
    "name", ["engine_api_key", "ray_auth_token", "webui_secret_key", "webui_admin_password", "ansible_become_pass"]
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize("name", ["max_num_batched_tokens", "model", "keyboard", "passport", "tokenizer"])
def test_names_that_only_look_like_secrets(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("option", "shown"),
    [
        ("model=r1", ["-e", "model=r1"]),
        ("a=1 b=2", ["-e", "a=1", "-e", "b=2"]),
        ("engine_api_key=hush", ["-e", "engine_api_key=********"]),
        ("name='two words'", ["-e", '{"name": "two words"}']),
        ('{"n": 2, "deep": {"hf_token": "hush"}}', ["-e", '{"n": 2, "deep": {"hf_token": "********"}}']),
    ],
)
def test_shown_options_can_be_reused(option: str, shown: list[str]) -> None:
    [item] = parse_extra_vars([option], Path("/"))
    assert shown_extra_vars(item, Path("/x")) == shown
    if "hush" not in option:
        merged: dict[str, object] = {}
        for argument in shown[1::2]:
            merged |= values(argument)
        assert merged == item.values


def test_order_of_files_and_values_is_kept(tmp_path: Path) -> None:
    (tmp_path / "v.yml").touch()
    items = parse_extra_vars(["a=1", "@v.yml", "a=2"], tmp_path)
    assert file_contents(items) == ['{"a": "1"}', tmp_path / "v.yml", '{"a": "2"}']
