"""The tokenizer of the tiny R1: DeepSeek-R1's special tokens over a small byte-level BPE.

Every byte is a token of its own, so any text can be encoded; the merges only cover the texts it is trained on.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, processors, trainers

CHAT_TEMPLATE_FILE = Path(__file__).with_name("chat_template.jinja")
BOS, EOS = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"
USER, ASSISTANT = "<｜User｜>", "<｜Assistant｜>"
THINK, END_THINK = "<think>", "</think>"


def build_tokenizer(texts: Iterable[str], vocab_size: int) -> Tokenizer:
    """Train a byte-level BPE of at most `vocab_size` tokens (special ones included) on `texts`."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [AddedToken(text, special=True, normalized=False) for text in (BOS, EOS, USER, ASSISTANT)]
    # As in R1 these two are tokens, but not special ones: with skip_special_tokens the engine would drop
    # them from the text before its reasoning parser sees it. The trainer makes all its tokens special.
    thinking = [AddedToken(text, special=False, normalized=False) for text in (THINK, END_THINK)]
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size - len(thinking),
        special_tokens=special,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens(thinking)
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, tokenizer.token_to_id(BOS))]
    )
    return tokenizer


def save_tokenizer(tokenizer: Tokenizer, folder: Path, max_length: int) -> None:
    """Write tokenizer.json, tokenizer_config.json and chat_template.jinja to `folder`.

    `max_length` is the longest sequence in tokens that the model takes. The chat template is written into
    tokenizer_config.json as well, where readers older than chat_template.jinja look for it.
    """
    template = CHAT_TEMPLATE_FILE.read_text("utf-8")
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": EOS,
        "clean_up_tokenization_spaces": False,
        "model_max_length": max_length,
        "chat_template": template,
    }
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=2) + "\n", "utf-8")
    (folder / "chat_template.jinja").write_text(template, "utf-8")
