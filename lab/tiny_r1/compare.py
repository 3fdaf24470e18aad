"""Compare the log-probabilities of a served tiny R1 with those of transformers.

`python -m lab.tiny_r1.compare --base-url URL --api-key-file FILE --checkpoint DIR` sends every question with its
answer as token ids, lets the engine score each token, and scores the same tokens with transformers. The
criterion is the mean difference over the tokens of the questions: the model was not trained on them, so high confidence
cannot hide a fault, unlike in the answers, which are correct even without the routed experts.

Exit code 0: within the tolerance; 1: beyond it; 2: the endpoint does not answer.
"""

import argparse
import sys
from pathlib import Path

import httpx
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from lab.tiny_r1.build import prompt_ids
from lab.tiny_r1.client import connect, connection_arguments
from lab.tiny_r1.questions import load_questions

# Nats, of the mean over the questions' tokens. Rounding alone (bfloat16 against float32) makes 0.014. Faults make
# more: a wrong YaRN mscale 0.075, no selection bias of the router 0.13, no rope scaling 0.47, lost heads 0.55.
TOLERANCE = 0.04


def main() -> int:
    """Run the comparison and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m lab.tiny_r1.compare", description=(__doc__ or "").split("\n")[0])
    connection_arguments(parser)
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder of the served checkpoint")
    parser.add_argument("--dtype", default="bfloat16", help="the dtype the engine serves in (default: bfloat16)")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"nats (default: {TOLERANCE})")
    arguments = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(arguments.checkpoint)
    model = AutoModelForCausalLM.from_pretrained(arguments.checkpoint, dtype=arguments.dtype).eval()
    questions, answers = [], []
    try:
        endpoint = connect(arguments)
        for question in load_questions():
            prompt = prompt_ids(tokenizer, question.question)
            tokens = prompt + tokenizer.encode(question.completion, add_special_tokens=False)
            served = torch.tensor(endpoint.prompt_logprobs(tokens))
            difference = (served - reference_logprobs(model, tokens)).abs()
            questions.append(difference[: len(prompt) - 1])
            answers.append(difference[len(prompt) - 1 :])
    except (httpx.HTTPError, OSError) as problem:
        print(f"error: {arguments.base_url}: {problem}", file=sys.stderr)
        return 2
    for name, part in (("questions", torch.cat(questions)), ("answers", torch.cat(answers))):
        print(f"{name}: {len(part)} tokens, difference mean {part.mean():.4f}, largest {part.max():.4f} nats")
    mean = torch.cat(questions).mean().item()
    print(f"mean over the questions {mean:.4f} nats, tolerance {arguments.tolerance}")
    return 0 if mean <= arguments.tolerance else 1


def reference_logprobs(model: torch.nn.Module, tokens: list[int]) -> torch.Tensor:
    """The log-probability in nats of each of `tokens` but the first, as transformers computes it."""
    with torch.no_grad():
        scores = model(input_ids=torch.tensor([tokens])).logits[0, :-1].float().log_softmax(-1)
    return scores.gather(1, torch.tensor(tokens[1:])[:, None]).squeeze(1)


if __name__ == "__main__":
    sys.exit(main())
