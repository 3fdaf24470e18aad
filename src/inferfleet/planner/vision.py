"""Parameters of the vision encoder of a model; tensor parallelism divides its layers as those of the language model.

transformers/models/siglip/modeling_siglip.py and gemma3/modeling_gemma3.py (Gemma3MultiModalProjector);
transformers/models/llama4/modeling_llama4.py (Llama4VisionModel, Llama4MultiModalProjector);
vllm/model_executor/models: kimi_k25_vit.py, pixtral.py; transformers/models/qwen3_5/modeling_qwen3_5.py
(Qwen3_5VisionModel), qwen3_vl/modeling_qwen3_vl.py (Qwen3VLVisionModel).
"""

from collections.abc import Iterator
from math import prod

from inferfleet.catalog.architecture import Architecture
from inferfleet.catalog.vision import Vision
from inferfleet.planner.matrix import Matrix, Split, vector


def vision_encoder(arch: Architecture) -> Iterator[Matrix]:
    """Yield the parameters of the vision encoder and of its projection; none for a model without."""
    vision = arch.vision
    if vision is None:
        return
    if vision.kind == "pixtral":
        yield from _pixtral(vision, arch.hidden_size)
        return
    if vision.kind == "internvit":
        yield from _internvit(vision, arch.hidden_size)
        return
    if vision.kind == "step3":
        yield from _step3(vision, arch.hidden_size)
        return
    width = vision.hidden_size
    patch = vision.num_channels * vision.temporal_patch_size * vision.patch_size**2
    yield Matrix("vision.patch_embedding", (width,), patch)
    if vision.kind != "llama4":
        yield vector("vision.patch_embedding.bias", width)
        yield Matrix("vision.position_embedding", (vision.positions,), width)
        yield Matrix("vision.post_layernorm", (width, width), 1)  # of Qwen3.5: before patches are merged
    if vision.kind == "siglip":
        yield Matrix("mm_input_projection", (width,), arch.hidden_size)
        yield vector("mm_soft_emb_norm", width)
    elif vision.kind in ("moonvit", "qwen3"):
        merged = width * prod(vision.merge_kernel_size)
        if vision.kind == "moonvit":
            yield Matrix("mm_projector.pre_norm", (width, width), 1)
        yield Matrix("mm_projector.linear_1", (merged,), merged)
        yield vector("mm_projector.linear_1.bias", merged)
        yield Matrix("mm_projector.linear_2", (arch.hidden_size,), merged)
        yield vector("mm_projector.linear_2.bias", arch.hidden_size)
        for _ in vision.deepstack_visual_indexes:
            yield Matrix("deepstack_merger.norm", (merged, merged), 1)
            yield Matrix("deepstack_merger.linear_fc1", (merged,), merged)
            yield vector("deepstack_merger.linear_fc1.bias", merged)
            yield Matrix("deepstack_merger.linear_fc2", (arch.hidden_size,), merged)
            yield vector("deepstack_merger.linear_fc2.bias", arch.hidden_size)
    else:
        yield vector("vision.class_embedding", width)
        yield Matrix("vision.position_embedding", (vision.positions + 1,), width)
        yield Matrix("vision.layernorm_pre, vision.layernorm_post", (width,) * 4, 1)
        yield Matrix("vision_adapter.fc1", (vision.projector_input_dim,), vision.intermediate_size, Split.COLUMN)
        yield Matrix("vision_adapter.fc2", (vision.projector_output_dim,), vision.projector_output_dim, Split.ROW)
        yield Matrix("multi_modal_projector", (arch.hidden_size,), vision.vision_output_dim)
    for _ in range(vision.num_hidden_layers):
        yield from _layer(vision)


def _layer(vision: Vision) -> Iterator[Matrix]:
    width, inner = vision.hidden_size, vision.intermediate_size
    yield Matrix("vision.qkv_proj", (width,) * 3, width, Split.COLUMN)
    yield Matrix("vision.qkv_bias", (width,) * 3, 1, Split.COLUMN)
    yield Matrix("vision.out_proj", (width,), width, Split.ROW)
    yield vector("vision.out_bias", width)
    yield Matrix("vision.fc1", (inner,), width, Split.COLUMN)
    yield vector("vision.fc1_bias", inner, Split.COLUMN)
    yield Matrix("vision.fc2", (width,), inner, Split.ROW)
    yield vector("vision.fc2_bias", width)
    yield Matrix("vision.layer_norms", (width,) * 4, 1)


def _internvit(vision: Vision, hidden: int) -> Iterator[Matrix]:
    """Yield the parameters of Intern-S1's encoder (vllm/model_executor/models/interns1_vit.py)."""
    width, inner = vision.hidden_size, vision.intermediate_size
    merged = width * prod(vision.merge_kernel_size)
    yield Matrix("vision.patch_embedding", (width,), vision.num_channels * vision.patch_size**2 + 1)  # with bias
    yield Matrix("vision.cls_token, position_embeddings", (vision.positions + 2,), width)
    yield Matrix("multi_modal_projector.layer_norm", (merged, merged), 1)
    yield Matrix("multi_modal_projector.linear_1", (hidden,), merged + 1)
    yield Matrix("multi_modal_projector.linear_2", (hidden,), hidden + 1)
    for _ in range(vision.num_hidden_layers):
        yield Matrix("vision.qkv_proj", (width,) * 3, width)
        if vision.use_qk_norm:
            yield Matrix("vision.qk_norm", (width, width), 1)
        yield Matrix("vision.projection_layer", (width,), width + 1)
        yield Matrix("vision.fc1", (inner,), width + 1, Split.COLUMN)
        yield Matrix("vision.fc2", (width,), inner, Split.ROW)
        yield Matrix("vision.fc2_bias, layernorms, lambdas", (width,) * 7, 1)


def _step3(vision: Vision, hidden: int) -> Iterator[Matrix]:
    """Yield the parameters of Step-3's encoder (vllm/model_executor/models/step3_vl.py)."""
    width, output = vision.hidden_size, vision.output_hidden_size
    yield Matrix("vision.patch_embedding", (width,), vision.num_channels * vision.patch_size**2 + 1)  # with bias
    yield Matrix("vision.class_embedding, position_embedding", (vision.positions + 2,), width)
    yield Matrix("vit_downsampler", (output,), width * 2 * 2 + 1)
    yield Matrix("vit_downsampler2", (2 * output,), output * 3 * 3 + 1)
    yield Matrix("vit_large_projector", (hidden,), 2 * output)
    for _ in range(vision.num_hidden_layers):
        yield from _layer(vision)


def _pixtral(vision: Vision, hidden: int) -> Iterator[Matrix]:
    """Yield the parameters of Mistral's encoder, whose layers are those of its language models, without biases."""
    width, inner = vision.hidden_size, vision.intermediate_size
    yield Matrix("vision.patch_conv", (width,), vision.num_channels * vision.patch_size**2)
    yield Matrix("vision.ln_pre, pre_mm_projector_norm", (width, width), 1)
    yield Matrix("patch_merger", (width,), width * prod(vision.merge_kernel_size))
    yield Matrix("vision_language_adapter.w_in", (hidden,), width)
    yield Matrix("vision_language_adapter.w_out", (hidden,), hidden)
    for _ in range(vision.num_hidden_layers):
        yield Matrix("vision.qkv_proj", (width,) * 3, width, Split.COLUMN)
        yield Matrix("vision.o_proj", (width,), width, Split.ROW)
        yield Matrix("vision.gate_up_proj", (inner, inner), width, Split.COLUMN)
        yield Matrix("vision.down_proj", (width,), inner, Split.ROW)
        yield Matrix("vision.norms", (width, width), 1)
