"""Training of the tiny R1: full batches, until every answer is known by heart."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3TopkRouter

IGNORED = -100  # the label of a token that takes no part in the loss


@dataclass(frozen=True)
class Recipe:
    """How to train: number of `steps`, warm-up steps, peak `learning_rate`, and the router's `bias_rate` a step."""

    steps: int = 60
    warmup_steps: int = 6
    learning_rate: float = 1.5e-3
    bias_rate: float = 0.01


def train(
    config: DeepseekV3Config,
    examples: Sequence[tuple[list[int], list[int]]],
    recipe: Recipe,
    seed: int,
    progress: Callable[[int, float], None],
) -> DeepseekV3ForCausalLM:
    """Train a new model on `examples`, pairs of prompt and completion token ids, and return it in float32.

    Only completions count for the loss. `progress` gets each step's number, from 1 on, and its loss in nats a token.
    """
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(True)
    model = DeepseekV3ForCausalLM(config).train()
    inputs, labels = _batch(examples, pad=config.eos_token_id)
    counted = (labels != IGNORED).sum()
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.learning_rate, betas=(0.9, 0.98), weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer,
        lambda step: min(
            (step + 1) / recipe.warmup_steps, (recipe.steps - step) / (recipe.steps - recipe.warmup_steps)
        ),
    )
    routers = [module for module in model.modules() if isinstance(module, DeepseekV3TopkRouter)]
    chosen = _record_choices(routers)
    for step in range(1, recipe.steps + 1):
        logits = model(input_ids=inputs, use_cache=False).logits
        loss = (
            torch.nn.functional.cross_entropy(
                logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=IGNORED, reduction="sum"
            )
            / counted
        )
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if step <= recipe.steps // 2:  # later changes of the routing would disturb what is learned
            for router in routers:
                _balance(router, chosen[router], recipe.bias_rate)
        progress(step, loss.item())
    return model.eval()


def _batch(examples: Sequence[tuple[list[int], list[int]]], pad: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Pad the examples on the right to one tensor of inputs and one of labels.

    The model is causal and pads have no label, so no attention mask is needed.
    """
    length = max(len(prompt) + len(completion) for prompt, completion in examples)
    inputs = torch.full((len(examples), length), pad)
    labels = torch.full((len(examples), length), IGNORED)
    for row, (prompt, completion) in enumerate(examples):
        end = len(prompt) + len(completion)
        inputs[row, :end] = torch.tensor(prompt + completion)
        labels[row, len(prompt) : end] = torch.tensor(completion)
    return inputs, labels


def _record_choices(routers: Sequence[DeepseekV3TopkRouter]) -> dict[DeepseekV3TopkRouter, torch.Tensor]:
    """Return a mapping in which each router leaves the experts it chose in its latest forward pass."""
    chosen: dict[DeepseekV3TopkRouter, torch.Tensor] = {}
    for router in routers:
        router.register_forward_hook(lambda module, _, output: chosen.update({module: output[2]}))
    return chosen


def _balance(router: DeepseekV3TopkRouter, chosen: torch.Tensor, rate: float) -> None:
    """Move the selection bias of overloaded experts down and of the others up (DeepSeek-V3, section 2.1.2).

    It also makes the bias differ from zero, so that an engine that ignores it gives wrong answers.
    """
    load = torch.bincount(chosen.flatten(), minlength=router.num_experts).float()
    router.e_score_correction_bias += rate * torch.sign(load.mean() - load)
