"""Limits of an engine that determine its memory."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits set by the user or the engine; bytes and shares determine the KV cache, tokens the activations."""

    max_model_len: int
    max_num_seqs: int
    max_num_batched_tokens: int
    gpu_memory_utilization: float
    kv_cache_item_bytes: int
    enforce_eager: bool = False
    prediction_layers: int = 0
    num_speculative_tokens: int = 0
    fine_graphs: bool = False
    """Whether CUDA graphs are captured for each batch size up to 32."""
    latent_buffer_bytes: int = 44 << 20
    """What latent attention allocates with the weights, besides its rotary table. The default is for engines and
    accelerators where it is not known (engine.yml, latent_buffers): with the table of DeepSeek-R1 84 MiB."""
    weight_scale: float = 1.0
    """Ratio of the checkpoint's tensor bytes to those computed from the architecture; 1 if both agree."""
