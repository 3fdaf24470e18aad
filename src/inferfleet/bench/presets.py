"""The benchmark presets of the catalog."""

from functools import cache
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from inferfleet.catalog.loader import FOLDER, load_file
from inferfleet.messages import N_, InvalidValueError


class Preset(BaseModel):
    """Prompt and answer lengths, and the concurrencies to measure."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    input_len: PositiveInt  # tokens of each prompt
    output_len: PositiveInt  # tokens of each answer
    num_prompts: PositiveInt | None = None  # requests of each measurement
    prompts_per_concurrency: PositiveInt | None = None  # the same for each request in flight
    concurrency: tuple[PositiveInt, ...] = Field(min_length=1)  # requests in flight, one measurement each

    @model_validator(mode="after")
    def _one_number_of_prompts(self) -> Self:
        if (self.num_prompts is None) == (self.prompts_per_concurrency is None):
            raise InvalidValueError(N_("needs either num_prompts or prompts_per_concurrency"))
        return self

    def prompts_at(self, concurrency: int) -> int:
        """Return the number of requests of the measurement at a concurrency."""
        return self.num_prompts or (self.prompts_per_concurrency or 0) * concurrency


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    presets: dict[str, Preset]


@cache
def _file() -> _File:
    return load_file(FOLDER / "bench.yml", _File)


def load_presets() -> dict[str, Preset]:
    """Return every preset of the catalog by name; raises CatalogError."""
    return _file().presets
