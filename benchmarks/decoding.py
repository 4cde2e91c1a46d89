"""Captions per second by beam search: ours, a straightforward one in PyTorch, and Hugging Face's generate.

python benchmarks/decoding.py --threads 1
python benchmarks/decoding.py --threads 2

Ours and the straightforward one search the same model, and must find the same captions. Hugging Face has no recurrent
captioner: its generate searches a GPT-2 of as many parameters, with its cache.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from seqmodels.data import build_tokenizer
from seqmodels.decoding import beam_search
from seqmodels.tasks import Captioner


def make_captioner(vocabulary: int, hidden_size: int) -> Captioner:
    """An LSTM that begins with a picture of 2,048 features; its weights are random, made larger to have preferences."""
    torch.manual_seed(0)
    words = build_tokenizer("word", " ".join(f"w{number}" for number in range(vocabulary - 2)))
    image = {"feature_size": 2048, "regions": None, "backbone": None, "pixels": False}
    model = Captioner(words, image, hidden_size=hidden_size, embedding_size=hidden_size).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(3)
    return model


def straightforward(
    step: Callable[[Tensor, Any], tuple[Tensor, Any]], state: Any, start: Tensor, end: int, beams: int, length: int
) -> Tensor:
    """The likeliest tokens [N, length] as a tutorial would search them; finished beams go on with ``end`` for nothing.

    Args:
        state: of an LSTM, ([L, N, H], [L, N, H]).
    """
    count = len(start)
    tokens = start.repeat_interleave(beams)
    h, c = (part.repeat_interleave(beams, 1) for part in state)
    scores = torch.zeros(count, beams)
    scores[:, 1:] = -torch.inf
    written = torch.empty(count, beams, 0, dtype=torch.long)
    finished = torch.zeros(count, beams, dtype=torch.bool)
    for _ in range(length):
        logits, (h, c) = step(tokens, (h, c))
        log_probabilities = logits.log_softmax(-1).view(count, beams, -1)
        only_end = torch.full_like(log_probabilities, -torch.inf)
        only_end[..., end] = 0
        log_probabilities = torch.where(finished[..., None], only_end, log_probabilities)
        total = (scores[..., None] + log_probabilities).flatten(1)
        scores, best = total.topk(beams)
        parent, chosen = best // log_probabilities.shape[-1], best % log_probabilities.shape[-1]
        written = torch.cat([written.gather(1, parent[..., None].expand_as(written)), chosen[..., None]], -1)
        finished = finished.gather(1, parent) | (chosen == end)
        rows = (torch.arange(count)[:, None] * beams + parent).flatten()
        h, c, tokens = h[:, rows], c[:, rows], chosen.flatten()
        if finished.all():
            break
    return written[:, 0]


def hugging_face(parameters: int, vocabulary: int, width: int) -> Any:
    """A GPT-2 of at least so many parameters, as near as a layer more or less allows."""
    from transformers import GPT2Config, GPT2LMHeadModel

    def make(layers: int) -> Any:
        return GPT2LMHeadModel(
            GPT2Config(vocab_size=vocabulary, n_embd=width, n_layer=layers, n_head=8, n_positions=64, use_cache=True)
        ).eval()

    models = [make(layers) for layers in range(1, 5)]
    return min(models, key=lambda model: abs(model.num_parameters() - parameters))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    number: dict[str, Any] = {"type": int}
    parser.add_argument("--batch", **number, default=64)
    parser.add_argument("--beams", **number, default=5)
    parser.add_argument("--length", **number, default=20)
    parser.add_argument("--vocabulary", **number, default=10_000)
    parser.add_argument("--hidden-size", **number, default=512)
    parser.add_argument("--threads", **number, default=1)
    parser.add_argument("--repeats", **number, default=7)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with torch.no_grad():
        compare(options)


def compare(options: argparse.Namespace) -> None:
    model = make_captioner(options.vocabulary, options.hidden_size)
    start = torch.full((options.batch,), model.end)
    state = model.conditioning.begin(torch.randn(options.batch, 2048), model.rnn)

    def step_of_pair(tokens: Tensor, pair: tuple[Tensor, Tensor]) -> tuple[Tensor, Any]:
        logits, after = model.step(tokens, {"rnn": pair, "output": None})
        return logits, after["rnn"]

    def ours() -> Any:
        return beam_search(
            model.step,
            state,
            start,
            beam_size=options.beams,
            max_length=options.length,
            end=model.end,
            n_best=1,
            batch_dim=model.conditioning.batch_dim,
        )

    def plain() -> Tensor:
        return straightforward(step_of_pair, state["rnn"], start, model.end, options.beams, options.length)

    parameters = sum(parameter.numel() for parameter in model.parameters())
    contestants: dict[str, Callable[[], Any]] = {"seqmodels": ours, "straightforward": plain}
    sizes = {"seqmodels": parameters, "straightforward": parameters}
    try:
        gpt2 = hugging_face(parameters, options.vocabulary, options.hidden_size)
    except ImportError:
        print("transformers isn't installed: generate is left out (pip install transformers)")
    else:
        sizes["Hugging Face generate"] = gpt2.num_parameters()
        contestants["Hugging Face generate"] = lambda: gpt2.generate(
            start[:, None],
            attention_mask=torch.ones(options.batch, 1, dtype=torch.long),
            num_beams=options.beams,
            max_new_tokens=options.length,
            do_sample=False,
            eos_token_id=model.end,
            pad_token_id=model.end,
        )

    same = sum(
        tuple(row[: row.index(model.end)] if model.end in row else row) == found[0].tokens
        for row, found in zip(plain().tolist(), ours(), strict=True)
    )
    print(f"the same caption by both searches of one model: {same} of {options.batch}")
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for repeat in range(options.repeats + 1):
        for name, search in contestants.items():
            begin = time.perf_counter()
            search()
            if repeat:  # the first warms up
                seconds[name].append(time.perf_counter() - begin)
    print("| search | parameters | threads | captions per second | times ours |\n|---|---|---|---|---|")
    middle = {name: statistics.median(times) for name, times in seconds.items()}
    for name, time_taken in middle.items():
        print(
            f"| {name} | {sizes[name]:,} | {options.threads} | {options.batch / time_taken:.1f} "
            f"| {time_taken / middle['seqmodels']:.2f} |"
        )


if __name__ == "__main__":
    main()
