"""What looking inside costs: recording beside a forward pass, and GradientFlow beside training without it.

    python benchmarks/inspection.py [--threads 1]

Recording: ``inspect.record`` of an RNN over 100 steps, of all names, of the gates and of the states alone, against the
forward pass of the same RNN without gradients, in turns.

Training: a character model with and without ``GradientFlow``, a short run of each in turn, timed step by step; both log
to a CSV file and have no other callback. So that there are enough measured steps for a median, each tenth is one; what
is printed is for ``every_n_steps=100``, the default: 99 times the median of the steps between and once that of the
measured ones, against 100 times the median step without it; the median over pairs of runs.
"""

import argparse
import logging
import math
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.loggers import CSVLogger

from seqmodels import RNN
from seqmodels.data import StreamLoader, build_tokenizer
from seqmodels.inspect import GradientFlow, gates_of, record
from seqmodels.tasks import LanguageModel

CELLS = ("lstm", "gru", "mut1", "elman")
RECORDED_SIZES, BATCHES, RECORDED_STEPS = (128, 512), (1, 32), 100  # H, B, T
TRAINED_SIZES, VOCABULARY, STREAMS, WINDOW = (256, 512), 100, 32, 64  # H, V, B, T
MEASURED, USUAL = 10, 100  # every_n_steps
SHORTEST = 0.02  # seconds that one timing takes at least


# --- recording ----------------------------------------------------------------------------------------------------


def time_recordings(cell: str, size: int, batch: int, repeats: int) -> tuple[float, dict[str, float]]:
    """Seconds of a forward pass, and what is recorded -> how many times as long it takes; medians."""
    torch.manual_seed(0)
    rnn = RNN(cell, size, size).eval()
    x = torch.randn(RECORDED_STEPS, batch, size)
    (gates,) = gates_of(rnn).values()

    def forward() -> Any:
        with torch.no_grad():
            return rnn(x)

    contestants: dict[str, Callable[[], Any]] = {
        "forward": forward,
        "all": lambda: record(rnn, x),
        "gates": lambda: record(rnn, x, names=gates),
        "states": lambda: record(rnn, x, names=rnn.cell.state_names),
    }
    if not gates:
        del contestants["gates"]
    seconds = in_turns(contestants, repeats)
    ratios = {
        name: statistics.median(a / b for a, b in zip(seconds[name], seconds["forward"], strict=True))
        for name in contestants
    }
    return statistics.median(seconds["forward"]), ratios


def in_turns(contestants: dict[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    for run in contestants.values():
        run()  # the engine traces a cell the first time
    loops = math.ceil(SHORTEST / seconds_of(contestants["forward"], 1))
    seconds: dict[str, list[float]] = {name: [] for name in contestants}
    for _ in range(repeats):
        for name, run in contestants.items():
            seconds[name].append(seconds_of(run, loops))
    return seconds


def seconds_of(run: Callable[[], Any], loops: int) -> float:
    begin = time.perf_counter()
    for _ in range(loops):
        run()
    return (time.perf_counter() - begin) / loops


# --- training -----------------------------------------------------------------------------------------------------


class Clock(pl.Callback):
    """Seconds of each step but the first, all that is between two of them included."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_train_batch_end(self, *_: Any) -> None:
        self.ends.append(time.perf_counter())

    def seconds(self) -> dict[int, float]:
        return {step: self.ends[step] - self.ends[step - 1] for step in range(1, len(self.ends))}


def time_training(size: int, runs: int, steps: int) -> tuple[float, float, float]:
    """Seconds of a step without GradientFlow and of one that it measures, and the overhead; medians over the pairs."""
    pairs = []
    for pair in range(runs):
        if pair % 2:  # first the one, then the other, lest one of them always has the quieter machine
            plain = train(size, steps)
            watched = train(size, steps, GradientFlow(every_n_steps=MEASURED))
        else:
            watched = train(size, steps, GradientFlow(every_n_steps=MEASURED))
            plain = train(size, steps)
        without = statistics.median(plain.values())
        measured = statistics.median(seconds for step, seconds in watched.items() if step % MEASURED == 0)
        between = statistics.median(seconds for step, seconds in watched.items() if step % MEASURED)
        pairs.append((without, measured, ((USUAL - 1) * between + measured) / (USUAL * without) - 1))
    without, measured, overhead = (statistics.median(numbers) for numbers in zip(*pairs, strict=True))
    return without, measured, overhead


def train(size: int, steps: int, *callbacks: pl.Callback) -> dict[int, float]:
    """Step -> its seconds, of a new model."""
    torch.manual_seed(0)
    characters = "".join(chr(0x4E00 + number) for number in range(VOCABULARY))
    model = LanguageModel(build_tokenizer("character", characters), hidden_size=size)
    tokens = torch.randint(0, VOCABULARY, ((steps + 1) * STREAMS * WINDOW + 1,))
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        trainer = pl.Trainer(
            accelerator="cpu",
            max_steps=steps,
            gradient_clip_val=1.0,
            logger=CSVLogger(folder),
            default_root_dir=folder,  # where a run that is told to end leaves its checkpoint
            enable_checkpointing=False,
            enable_model_summary=False,
            enable_progress_bar=False,
            callbacks=[*callbacks, clock],
        )
        trainer.fit(model, StreamLoader(tokens, batch_size=STREAMS, steps=WINDOW))
    return clock.seconds()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cells", nargs="+", default=CELLS)
    parser.add_argument("--repeats", type=int, default=7, help="timings of each forward pass and recording")
    parser.add_argument("--runs", type=int, default=6, help="runs with and without GradientFlow")
    parser.add_argument("--steps", type=int, default=31, help=f"of each run, more than {MEASURED}")
    options = parser.parse_args()
    if options.steps <= MEASURED:
        parser.error(f"--steps is {options.steps}; give more than {MEASURED}")
    torch.set_num_threads(options.threads)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.simplefilter("ignore")  # of Lightning's advice, and of gradients that vanish

    print(
        f"| cell, T {RECORDED_STEPS} | H | B | threads | forward, ms | record, times forward | of gates | of states |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for cell in options.cells:
        for size in RECORDED_SIZES:
            for batch in BATCHES:
                forward, ratios = time_recordings(cell, size, batch, options.repeats)
                gates = f"{ratios['gates']:.2f}" if "gates" in ratios else "none"
                times = f"{forward * 1e3:.1f} | {ratios['all']:.2f} | {gates} | {ratios['states']:.2f}"
                print(f"| {cell} | {size} | {batch} | {options.threads} | {times} |", flush=True)

    print(f"\n| LSTM, B {STREAMS}, T {WINDOW} | threads | step, ms | measured step, ms | overhead, each {USUAL}th |")
    print("|---|---|---|---|---|")
    for size in TRAINED_SIZES:
        plain, measured, overhead = time_training(size, options.runs, options.steps)
        times = f"{plain * 1e3:.1f} | {measured * 1e3:.1f} | {overhead:+.1%}"
        print(f"| H {size} | {options.threads} | {times} |", flush=True)


if __name__ == "__main__":
    main()
