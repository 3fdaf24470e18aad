"""From the questions to a checkpoint on disk that was seen to answer them."""

import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import torch
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer, DeepseekV3Config, PreTrainedTokenizerBase

from lab.tiny_r1.questions import Question, load_questions
from lab.tiny_r1.tokenizer import build_tokenizer, save_tokenizer
from lab.tiny_r1.train import Recipe, train

ARCHITECTURE_FILE = Path(__file__).with_name("architecture.yml")
REPORT_EVERY = 10  # steps
SHARD_SIZE = "3MB"


def build(out: Path, seed: int, say: Callable[[str], None]) -> None:
    """Train, save and check the tiny R1, then put it in place of the folder `out`.

    Raises ValueError when the saved model does not give every answer; `out` is then left as it was.
    """
    questions = load_questions()
    architecture = yaml.safe_load(ARCHITECTURE_FILE.read_text("utf-8"))
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}.") as scratch:
        folder = Path(scratch) / out.name
        folder.mkdir()
        texts = [text for q in questions for text in (q.question, q.reasoning, q.answer)]
        save_tokenizer(
            build_tokenizer(texts, architecture["vocab_size"]),
            folder,
            architecture["max_position_embeddings"],
        )
        _save_model(folder, architecture, questions, seed, say)
        wrong = wrong_answers(folder, questions)
        for question, completion in wrong:
            say(f"wrong: {question.question!r}: {completion!r} instead of {question.completion!r}")
        if wrong:
            raise ValueError(f"{len(questions) - len(wrong)} of {len(questions)} answers are right; try another --seed")
        say(f"{len(questions)} of {len(questions)} answers are right")
        if out.exists():
            shutil.rmtree(out)
        folder.rename(out)
    size = sum(file.stat().st_size for file in out.iterdir())
    say(f"{out}: {len(list(out.glob('*.safetensors')))} shards, {size:,} bytes in all")


def prompt_ids(tokenizer: PreTrainedTokenizerBase, question: str) -> list[int]:
    """The token ids of the prompt that a chat request with the one message `question` becomes."""
    messages = [{"role": "user", "content": question}]
    return list(tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False))


def wrong_answers(folder: Path, questions: Sequence[Question]) -> list[tuple[Question, str]]:
    """Ask the checkpoint in `folder`, as saved, and return the questions not answered word for word, each with
    what came instead."""
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    model = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    prompts = tokenizer.pad({"input_ids": [prompt_ids(tokenizer, q.question) for q in questions]}, return_tensors="pt")
    longest = max(len(tokenizer.encode(q.completion)) for q in questions)
    with torch.no_grad():
        sequences = model.generate(**prompts, do_sample=False, max_new_tokens=longest + 8)
    completions = tokenizer.batch_decode(sequences[:, prompts["input_ids"].shape[1] :], skip_special_tokens=True)
    return [(q, text) for q, text in zip(questions, completions, strict=True) if text != q.completion]


def _save_model(
    folder: Path,
    architecture: dict[str, Any],
    questions: Sequence[Question],
    seed: int,
    say: Callable[[str], None],
) -> None:
    """Train the model with the tokenizer in `folder` and save it there in bfloat16."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    recipe = Recipe()
    examples = [
        (
            prompt_ids(tokenizer, q.question),
            [*tokenizer.encode(q.completion, add_special_tokens=False), tokenizer.eos_token_id],
        )
        for q in questions
    ]

    def progress(step: int, loss: float) -> None:
        if step == 1 or step % REPORT_EVERY == 0:
            say(f"step {step} of {recipe.steps}, loss {loss:.4f}")

    model = train(DeepseekV3Config(**deepcopy(architecture)), examples, recipe, seed, progress)
    for weight in model.parameters():  # not the buffers: the routers' bias stays in float32, as in R1
        weight.data = weight.data.to(torch.bfloat16)
    model.save_pretrained(folder, max_shard_size=SHARD_SIZE)
    for shard in folder.glob("*.safetensors"):
        shard.chmod(0o644)  # safetensors writes 0600, but other users serve these files
    # R1's own form of the config, which every reader of R1 knows; transformers would write a newer one.
    config = architecture | {"torch_dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
