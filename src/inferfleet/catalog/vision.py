"""Parameters of the vision encoder of a model, named as in its `config.json`."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt


class Vision(BaseModel):
    """A vision transformer and the projection of its output to the language model."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Literal["siglip", "llama4"]
    hidden_size: PositiveInt
    intermediate_size: PositiveInt
    num_hidden_layers: PositiveInt
    num_attention_heads: PositiveInt
    num_channels: PositiveInt = 3
    image_size: PositiveInt
    patch_size: PositiveInt
    # Of Llama 4's adapter
    projector_input_dim: NonNegativeInt = 0
    projector_output_dim: NonNegativeInt = 0
    vision_output_dim: NonNegativeInt = 0

    @property
    def patches(self) -> int:
        """Number of patches of an image."""
        return (self.image_size // self.patch_size) ** 2
