"""Families of models: where a `config.json` states the parameters of an architecture, and what its code fixes.

`architectures/<name>.yml` is a family, called as `architectures` in `config.json`.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from inferfleet.catalog.layers import LayerType

FOLDER = Path(__file__).parent / "architectures"
SHARED = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "vocab_size",
    "max_position_embeddings",
    "head_dim",
    "tie_word_embeddings",
)
"""Parameters that the `config.json` of every family states by these names."""
_RENAMED = {
    "num_experts": "num_local_experts",
    "num_experts_per_token": "num_experts_per_tok",
    "num_shared_experts": "n_shared_experts",
    "model_max_length": "max_position_embeddings",
    "attention_head_dim": "head_dim",
    "hybrid_override_pattern": "layers_block_type",
}
"""Key -> another name of it (attribute_map and arguments of configuration classes in transformers)."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Pattern(_Entry):
    """Types of attention that alternate: every n-th layer has full attention, the others `others`."""

    others: LayerType
    key: str = ""  # parameter with n
    default: int = 0  # n if config.json does not state it; 0: no layer has full attention
    window: str = ""  # parameter without which all layers have full attention


class Family(_Entry):
    """An architecture; parameters are those of class Architecture."""

    model_types: tuple[str, ...]  # that engines know without code of the checkpoint
    text: str = ""  # key with the parameters of the language model; empty: the file itself
    vision: dict[str, Any] = {}  # of the vision encoder, for keys that vision_config lacks; empty: none
    vision_names: dict[str, str] = {}  # parameter of the vision encoder -> its key in vision_config, if they differ
    reads: tuple[str, ...] = ()  # parameters besides the shared ones
    names: dict[str, str] = {}  # parameter -> its key in config.json (of an entry: "key.entry"), if they differ
    defaults: dict[str, Any] = {}  # of the class of its configuration, for keys that config.json lacks
    fixed: dict[str, Any] = {}  # what its code defines
    pattern: Pattern | None = None  # of the layers, if config.json has no layer_types
    ratios: dict[int, LayerType] = {}  # entry of compress_ratios -> type of the layer
    layer_names: dict[str, LayerType] = {}  # entry of layer_types, or letter of a string -> type, if they differ
    layer_numbers: dict[str, LayerType] = {}  # key with the numbers, from 1, of the layers of a type -> type
    expert_layers: str = ""  # key with the numbers, from 0, of the layers with experts: a list, or a string with commas
    unknown: tuple[str, ...] = ()  # keys of features whose parameters are not known; a file that sets one is refused
    uniform: tuple[str, ...] = ()  # parameters that config.json may state as a list with an equal entry for each layer

    def parameters(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters that a `config.json` states."""
        text = config.get(self.text) if self.text else config
        if not isinstance(text, Mapping):
            text = {}
        keys = {name: name for name in (*SHARED, *self.reads)} | self.names
        keys = {name: key if key in text else _RENAMED.get(key, key) for name, key in keys.items()}
        found = {name: value for name, key in keys.items() if (value := _entry(text, key)) is not None}
        for name in self.uniform:
            entries = found.get(name)
            if isinstance(entries, list) and entries and entries.count(entries[0]) == len(entries):
                found[name] = entries[0]
        if self.layer_names and isinstance(kinds := found.get("layer_types"), str | list):
            found["layer_types"] = tuple(self.layer_names.get(kind, kind) for kind in kinds)
            found.setdefault("num_hidden_layers", len(kinds))
        if self.text and config.get("tie_word_embeddings") is not None:
            found.setdefault("tie_word_embeddings", config["tie_word_embeddings"])
        if self.layer_numbers and "layer_types" not in found and isinstance(found.get("num_hidden_layers"), int):
            numbered = {key: _entry(text, key) for key in self.layer_numbers}
            found["layer_types"] = _numbered(found["num_hidden_layers"], numbered, self.layer_numbers)
        if self.expert_layers and (stated := _entry(text, self.expert_layers)) and found.get("num_hidden_layers"):
            with_experts = stated.split(",") if isinstance(stated, str) else list(map(str, stated))
            numbers = {int(number) for number in map(str.strip, with_experts) if number.isdecimal()}
            found["mlp_only_layers"] = tuple(n for n in range(found["num_hidden_layers"]) if n not in numbers)
        if self.pattern and "layer_types" not in found:
            every = text.get(self.pattern.key) if self.pattern.key else None
            found["attention_interval"] = every if isinstance(every, int) else self.pattern.default
        if self.ratios and isinstance(text.get("compress_ratios"), list):
            found["compress_ratios"] = text["compress_ratios"]
        stated = config.get("vision_config")
        if self.vision and isinstance(stated, Mapping):  # without it, the file is of the language model alone
            found["vision"] = self.vision | self._vision(stated)
        return found

    def unknown_feature(self, config: Mapping[str, Any]) -> str:
        """Return the key of a feature of a `config.json` whose parameters are not known; empty: there is none."""
        text = (config.get(self.text) if self.text else config) or {}
        return next((key for key in self.unknown if _entry(text, key)), "")

    def _vision(self, stated: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of the vision encoder that `vision_config` states."""
        renamed = {name: stated.get(key) for name, key in self.vision_names.items()}
        return {name: value for name, value in (dict(stated) | renamed).items() if value is not None}

    def complete(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Return parameters with those that the family defines, and the type of every layer."""
        complete = self.defaults | dict(parameters) | self.fixed
        every = complete.pop("attention_interval", self.pattern.default if self.pattern else 0)
        layers = complete.get("num_hidden_layers")
        if self.pattern and not complete.get("layer_types") and isinstance(layers, int):
            complete["layer_types"] = _alternating(self.pattern, every, layers, complete)
        # The entries after those of the decoder layers belong to layers that predict tokens.
        if ratios := complete.pop("compress_ratios", ()):
            complete["layer_types"] = tuple(self.ratios.get(ratio, str(ratio)) for ratio in ratios[:layers])
        return complete


def _entry(settings: Mapping[str, Any], key: str) -> Any:
    """Return the value of a key; of the entry of another one if it has a dot; None if it is not stated."""
    outer, _, inner = key.partition(".")
    value = settings.get(outer)
    return value.get(inner) if inner and isinstance(value, Mapping) else None if inner else value


def _numbered(layers: int, numbered: Mapping[str, Any], kinds: Mapping[str, LayerType]) -> tuple[LayerType, ...]:
    """Return the type of each layer from lists of numbers, without those that no list names."""
    of_number = {
        number: kinds[key] for key, numbers in numbered.items() if isinstance(numbers, list) for number in numbers
    }
    return tuple(of_number[number] for number in range(1, layers + 1) if number in of_number)


def _alternating(pattern: Pattern, every: int, layers: int, parameters: Mapping[str, Any]) -> tuple[LayerType, ...]:
    if pattern.window and not parameters.get(pattern.window):
        return ()
    return tuple(
        "full_attention" if every and (layer + 1) % every == 0 else pattern.others for layer in range(max(0, layers))
    )


@cache
def load_families() -> dict[str, Family]:
    """Return every family by the name of its architecture; raises CatalogError."""
    from inferfleet.catalog.loader import load_file  # which imports this module

    return {file.stem: load_file(file, Family) for file in sorted(FOLDER.glob("*.yml"))}
