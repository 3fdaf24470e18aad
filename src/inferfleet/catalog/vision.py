"""Parameters of the vision encoder of a model, named as in its `config.json`."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt, field_validator


class Vision(BaseModel):
    """A vision transformer and the projection of its output to the language model."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    kind: Literal["siglip", "llama4", "moonvit", "qwen3", "pixtral", "internvit", "step3"]
    hidden_size: PositiveInt
    intermediate_size: PositiveInt
    num_hidden_layers: PositiveInt
    num_attention_heads: PositiveInt
    num_channels: PositiveInt = 3
    image_size: NonNegativeInt = 0
    patch_size: PositiveInt

    @field_validator("image_size", "patch_size", mode="before")
    @classmethod
    def _of_square(cls, size: Any) -> Any:
        return size[0] if isinstance(size, list) and size else size

    # Of Llama 4's adapter
    projector_input_dim: NonNegativeInt = 0
    projector_output_dim: NonNegativeInt = 0
    vision_output_dim: NonNegativeInt = 0
    # Of Qwen3.5
    temporal_patch_size: PositiveInt = 1
    num_position_embeddings: NonNegativeInt = 0
    deepstack_visual_indexes: tuple[NonNegativeInt, ...] = ()  # of Qwen3-VL: layers whose output is projected as well
    # Of Kimi's MoonViT: the grid of its position embedding; and the patches that a projection merges
    init_pos_emb_height: NonNegativeInt = 0
    init_pos_emb_width: NonNegativeInt = 0
    merge_kernel_size: tuple[PositiveInt, PositiveInt] = (1, 1)

    output_hidden_size: NonNegativeInt = 0  # of Step-3's first convolution after the encoder
    # Of InternViT
    use_qk_norm: bool = False

    @property
    def divides_heads(self) -> bool:
        """Whether tensor parallelism divides its attention; InternViT's is replicated on every rank."""
        return self.kind != "internvit"

    @property
    def positions(self) -> int:
        """Number of patches that have an embedding of their position."""
        if self.num_position_embeddings:
            return self.num_position_embeddings
        if self.kind == "moonvit":
            return self.init_pos_emb_height * self.init_pos_emb_width
        return (self.image_size // self.patch_size) ** 2
