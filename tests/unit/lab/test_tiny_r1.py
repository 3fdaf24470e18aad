"""The tiny R1's questions, tokenizer, chat template and check; training checks itself."""

import json
from pathlib import Path

import jinja2
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from lab.tiny_r1.check import differences
from lab.tiny_r1.questions import load_questions
from lab.tiny_r1.tokenizer import (
    ASSISTANT,
    BOS,
    CHAT_TEMPLATE_FILE,
    END_THINK,
    EOS,
    THINK,
    USER,
    build_tokenizer,
    save_tokenizer,
)
from tokenizers import Tokenizer

QUESTIONS = load_questions()
ARCHITECTURE = yaml.safe_load(CHAT_TEMPLATE_FILE.with_name("architecture.yml").read_text("utf-8"))
SPECIAL = (BOS, EOS, USER, ASSISTANT, THINK, END_THINK)


def build() -> Tokenizer:
    return build_tokenizer([text for q in QUESTIONS for text in (q.question, q.reasoning, q.answer)], 1024)


TOKENIZER = build()


def render(messages: list[dict[str, str]]) -> str:
    environment = jinja2.Environment(trim_blocks=True, lstrip_blocks=True)  # as transformers sets it
    template = environment.from_string(CHAT_TEMPLATE_FILE.read_text("utf-8"))
    return template.render(messages=messages, bos_token=BOS, eos_token=EOS, add_generation_prompt=True)


def test_there_are_twenty_different_questions_in_two_languages() -> None:
    assert len({q.question for q in QUESTIONS}) == len(QUESTIONS) == 20
    assert len({q.answer for q in QUESTIONS}) == 20
    chinese = [q for q in QUESTIONS if any("一" <= letter <= "鿿" for letter in q.question)]
    assert 6 <= len(chinese) <= 14


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.question)
def test_nothing_in_a_question_confuses_the_reasoning_parser(question) -> None:
    for text in (question.question, question.reasoning, question.answer):
        assert text
        assert text == text.strip()
        assert not any(token in text for token in SPECIAL)
    reasoning, _, content = question.completion.partition(END_THINK)  # what the engine's parser does
    assert (reasoning, content) == (question.reasoning, question.answer)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda q: q.question)
def test_tokenizer_round_trip_of_every_question(question) -> None:
    for text in (question.question, question.completion):
        ids = TOKENIZER.encode(text, add_special_tokens=False).ids
        assert TOKENIZER.decode(ids, skip_special_tokens=True) == text
        assert len(ids) < 64


@given(st.text())
def test_tokenizer_accepts_any_text(text: str) -> None:
    plain = text
    for token in SPECIAL:
        plain = plain.replace(token, "")
    assert TOKENIZER.decode(TOKENIZER.encode(plain, add_special_tokens=False).ids) == plain


def test_the_thinking_tokens_are_single_and_survive_decoding() -> None:
    ids = TOKENIZER.encode(f"{THINK}a{END_THINK}b", add_special_tokens=False).ids
    assert ids[0] == TOKENIZER.token_to_id(THINK)
    assert TOKENIZER.decode(ids, skip_special_tokens=True) == f"{THINK}a{END_THINK}b"


def test_the_vocabulary_fits_the_model() -> None:
    assert TOKENIZER.get_vocab_size() <= ARCHITECTURE["vocab_size"]
    assert TOKENIZER.token_to_id(BOS) == ARCHITECTURE["bos_token_id"]
    assert TOKENIZER.token_to_id(EOS) == ARCHITECTURE["eos_token_id"]


def test_the_tokenizer_is_the_same_every_time() -> None:
    assert build().to_str() == TOKENIZER.to_str()


def test_the_saved_tokenizer_is_the_one_that_was_built(tmp_path: Path) -> None:
    save_tokenizer(TOKENIZER, tmp_path, 4096)
    assert Tokenizer.from_file(str(tmp_path / "tokenizer.json")).to_str() == TOKENIZER.to_str()
    config = json.loads((tmp_path / "tokenizer_config.json").read_text("utf-8"))
    assert config["chat_template"] == (tmp_path / "chat_template.jinja").read_text("utf-8")


def test_the_prompt_ends_inside_the_reasoning() -> None:
    assert render([{"role": "user", "content": "Hi"}]) == f"{BOS}{USER}Hi{ASSISTANT}{THINK}\n"


def test_the_reasoning_of_earlier_turns_is_dropped() -> None:
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": f"{THINK}hm{END_THINK}Hello"},
        {"role": "user", "content": "你是谁？"},
    ]
    expected = f"{BOS}Be brief.{USER}Hi{ASSISTANT}Hello{EOS}{USER}你是谁？{ASSISTANT}{THINK}\n"
    assert render(messages) == expected


def test_the_heads_and_experts_divide_by_the_tensor_parallel_sizes() -> None:
    for size in (2, 4):
        for key in ("num_attention_heads", "intermediate_size", "moe_intermediate_size", "vocab_size"):
            assert ARCHITECTURE[key] % size == 0
    assert ARCHITECTURE["n_routed_experts"] == 8
    assert (ARCHITECTURE["topk_method"], ARCHITECTURE["scoring_func"]) == ("noaux_tc", "sigmoid")
    assert ARCHITECTURE["rope_scaling"]["type"] == "yarn"


def test_check_reports_every_difference() -> None:
    q = QUESTIONS[0]
    assert differences(q, {"reasoning": q.reasoning, "content": q.answer}) == []
    assert differences(q, {"reasoning_content": q.reasoning, "content": q.answer}) == []
    assert len(differences(q, {"reasoning": q.reasoning, "content": f"{q.answer} "})) == 1
    assert len(differences(q, {"reasoning": None, "content": None})) == 2
