"""easy-VQA: a picture and a question, the question alone, the picture alone, with any cells.

python benchmarks/visual_questions.py --cells lstm,gru --epochs 12
"""

import argparse
import time

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import TQDMProgressBar

from seqmodels.data import QuestionData
from seqmodels.tasks import VisualQuestionAnswerer


def train(cell: str, inputs: str, epochs: int, seed: int) -> tuple[dict[str, float], float, int]:
    """Test scores, minutes of training, parameters."""
    pl.seed_everything(seed, verbose=False)
    data = QuestionData("easy-vqa", image_size=32, batch_size=64, eval_batch_size=256, seed=seed)
    model = VisualQuestionAnswerer(
        data.tokenizer,
        data.answers,
        data.image,
        cell=cell,
        hidden_size=64,
        num_layers=1,
        embedding_size=32,
        common_size=128,
        inputs=inputs,  # type: ignore[arg-type]
        normalise_image=False,
        dropout=0.0,
        learning_rate=1e-3,
    )
    trainer = pl.Trainer(
        max_epochs=epochs,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        gradient_clip_val=1.0,
        callbacks=[TQDMProgressBar(refresh_rate=50)],
    )
    begin = time.perf_counter()
    trainer.fit(model, data)
    minutes = (time.perf_counter() - begin) / 60
    scores = {name: float(value) for name, value in trainer.test(model, data, verbose=False)[0].items()}
    return scores, minutes, sum(parameter.numel() for parameter in model.parameters())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", default="lstm")
    parser.add_argument("--inputs", default="both,question,image")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    torch.set_num_threads(2)
    print("| cell | sees | accuracy | by type of answer | parameters | minutes |\n|---|---|---|---|---|---|")
    for cell in options.cells.split(","):
        for inputs in options.inputs.split(","):
            scores, minutes, count = train(cell, inputs, options.epochs, options.seed)
            kinds = ", ".join(
                f"{name.removeprefix('test_accuracy_')} {value:.2%}"
                for name, value in sorted(scores.items())
                if name.startswith("test_accuracy_")
            )
            print(
                f"| {cell} | {inputs} | {scores['test_accuracy']:.2%} | {kinds} | {count:,} | {minutes:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
