"""Captions beside two ways to caption that know less: the nearest training picture's, and a model that sees no picture.

python benchmarks/captioning.py --source emoji --images emoji --image-size 128
python benchmarks/captioning.py --source flickr8k/captions.txt --images flickr8k/images --diverse
"""

import argparse
import statistics
from collections.abc import Callable, Sequence

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from scipy.stats import t as student

from seqmodels.data import CaptionData
from seqmodels.data.caption_data import words_of
from seqmodels.metrics import caption_scores, cider_d, distinct, oracle
from seqmodels.tasks import Captioner

METRICS = ("bleu_1", "bleu_4", "rouge_l", "cider_d", "exact_match")
RANKS = (1, 5, 10, 20)


def scores(data: CaptionData, caption: Callable[[torch.Tensor], str]) -> dict[str, float]:
    """Of the captions of the test pictures, which ``caption`` makes of their features."""
    written, references = {}, {}
    for image, record in (data.parts["test"][number] for number in range(len(data.parts["test"]))):
        written[record.key], references[record.key] = caption(image), words_of(record)
    return caption_scores(written, references, METRICS)


def nearest(data: CaptionData) -> Callable[[torch.Tensor], str]:
    """The first caption of the training picture whose features have the smallest angle to those given."""
    train = data.parts["train"]
    known = torch.nn.functional.normalize(torch.stack([train[number][0] for number in range(len(train))]), dim=-1)
    return lambda image: words_of(train[int((known @ image).argmax())][1])[0]


def train(data: CaptionData, conditioning: str, seed: int, options: argparse.Namespace) -> Captioner:
    """The captioner of the epoch with the highest CIDEr-D on the validation pictures."""
    pl.seed_everything(seed, verbose=False)
    model = Captioner(
        data.tokenizer,
        data.image,
        cell=options.cell,
        hidden_size=256,
        embedding_size=256,
        conditioning=conditioning,  # type: ignore[arg-type]
        learning_rate=1e-3,
        beam_size=1,
    )
    keep = ModelCheckpoint(
        monitor="val_cider_d", mode="max", dirpath=options.checkpoints, filename=f"{conditioning}-{seed}"
    )
    trainer = pl.Trainer(
        max_epochs=options.epochs,
        accelerator="cpu",
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        gradient_clip_val=1.0,
        callbacks=[keep],
    )
    trainer.fit(model, data)
    return Captioner.load_from_checkpoint(keep.best_model_path)


def writer(models: Sequence[Captioner], beams: int) -> Callable[[torch.Tensor], str]:
    """What a captioner, or several together, say of features."""
    first, *others = models
    return lambda image: first.caption(image, beam_size=beams, ensemble=others)[0].text


def interval(values: Sequence[float]) -> str:
    """Mean and half of its 95 % interval."""
    mean = statistics.mean(values)
    if len(values) < 2:
        return f"{mean:.3f}"
    half = student.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{mean:.3f} ± {half:.3f}"


def row(name: str, runs: Sequence[dict[str, float]]) -> str:
    return f"| {name} | {' | '.join(interval([run[metric] for run in runs]) for metric in METRICS)} |"


def diverse(data: CaptionData, models: Sequence[Captioner], beams: int) -> list[str]:
    """Plain and diverse beam search at equal width: distinct n-grams per word, and the best CIDEr-D of the first k."""
    headings = [f"distinct-{n}" for n in range(1, 5)] + [f"CIDEr-D @{k}" for k in RANKS if k <= beams]
    lines = [f"| search | {' | '.join(headings)} |", f"|{'---|' * (1 + len(headings))}"]
    for name, options in {"beam": {}, "diverse, 0.5": {"groups": beams, "diversity": 0.5}}.items():
        found = [_one_search(data, model, beams, options) for model in models]
        lines.append(f"| {name} | {' | '.join(interval(column) for column in zip(*found, strict=True))} |")
    return lines


def _one_search(data: CaptionData, model: Captioner, beams: int, options: dict[str, float]) -> list[float]:
    test = data.parts["test"]
    lists = {}
    for number in range(len(test)):
        image, record = test[number]
        lists[record.key] = [caption.text for caption in model.caption(image, beam_size=beams, **options)]  # type: ignore[arg-type]
    per_picture = [[distinct(texts, n) for texts in lists.values()] for n in range(1, 5)]
    references = {record.key: words_of(record) for record in (test[number][1] for number in range(len(test)))}
    ranked: list[list[float]] = [[] for _ in lists]
    for rank in range(beams):
        scored = cider_d({key: texts[min(rank, len(texts) - 1)] for key, texts in lists.items()}, references).scores
        for place, key in enumerate(lists):
            ranked[place].append(scored[key])
    best = [oracle(ranked, k) for k in RANKS if k <= beams]
    return [statistics.mean(column) for column in per_picture] + best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--source", default="emoji")
    add("--images")
    add("--backbone", default="efficientnet_lite0")
    add("--image-size", type=int)
    add("--cell", default="lstm")
    add("--conditioning", default="every_step", help="how the picture enters; see Captioner")
    add("--seeds", type=int, default=5)
    add("--epochs", type=int, default=30)
    add("--min-count", type=int, default=1)
    add("--beam", type=int, default=3)
    add("--beams", type=int, default=20, help="of the comparison of diverse with plain beam search")
    add("--diverse", action="store_true", help="compare diverse with plain beam search, too")
    add("--checkpoints", default="captioning")
    options = parser.parse_args()
    data = CaptionData(
        options.source,
        images=options.images,
        backbone=options.backbone,
        image_size=options.image_size,
        min_count=options.min_count,
        batch_size=32,
    )
    print(data.describe(), flush=True)
    print(f"| captions | {' | '.join(METRICS)} |\n|{'---|' * (len(METRICS) + 1)}")
    print(row("of the nearest training picture", [scores(data, nearest(data))]), flush=True)
    models: dict[str, list[Captioner]] = {}
    for conditioning in ("none", options.conditioning):
        models[conditioning] = [train(data, conditioning, seed, options) for seed in range(options.seeds)]
        runs = [scores(data, writer([model], options.beam)) for model in models[conditioning]]
        print(row(f"{options.cell}, conditioning: {conditioning}", runs), flush=True)
    together = scores(data, writer(models[options.conditioning], options.beam))
    print(row(f"the {options.seeds} of them as an ensemble", [together]), flush=True)
    if options.diverse:
        print("\n".join(diverse(data, models[options.conditioning], options.beams)))


if __name__ == "__main__":
    main()
