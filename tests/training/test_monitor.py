import csv
import time

import pytest
import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader

from seqmodels.data import SequenceBatch, Window
from seqmodels.data.caption_data import CaptionBatch
from seqmodels.data.pair_data import PairBatch
from seqmodels.data.question_data import QuestionBatch
from seqmodels.data.tree_data import TreeData
from seqmodels.errors import OptionError
from seqmodels.training.monitor import SampleText, TrainingMonitor, count_tokens

DATA = DataLoader(torch.ones(24, 5), batch_size=2)  # 12 batches of 10 tokens


class Model(LightningModule):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([30.0, 40.0]))
        self.generated = []

    def training_step(self, batch, batch_idx):
        time.sleep(0.005)
        return (self.weight * torch.tensor([3.0, 4.0])).sum()  # a gradient of norm 5

    def validation_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        optimizer = torch.optim.SGD(self.parameters(), lr=0.5)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.1)]

    def generate(self, prompt="", length=200, temperature=1.0, top_k=None, top_p=None, seed=None):
        torch.manual_seed(seed)
        self.generated.append((prompt, length, temperature))
        return f"{prompt} wrote {length} é 文\n{torch.rand(1).item()}"


def fit(folder, *callbacks, epochs=2, **options):
    trainer = Trainer(
        accelerator="cpu",
        max_epochs=epochs,
        logger=CSVLogger(folder),
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        log_every_n_steps=4,
        **options,
    )
    model = Model()
    trainer.fit(model, DATA, DATA)
    return model, trainer


def logged(trainer, name):
    with open(f"{trainer.log_dir}/metrics.csv") as file:
        return {int(row["step"]): float(row[name]) for row in csv.DictReader(file) if row.get(name)}


def test_norm_before_clipping_rate_and_speed_are_logged_every_n_steps(tmp_path):
    _, trainer = fit(tmp_path, TrainingMonitor(), gradient_clip_val=0.1)
    norms = logged(trainer, "grad_norm")
    assert norms == {step: pytest.approx(5.0) for step in (3, 7, 11, 15, 19, 23)}
    rates = logged(trainer, "learning_rate")
    assert rates[3] == pytest.approx(0.5)
    assert rates[23] == pytest.approx(0.05)
    speeds = logged(trainer, "tokens_per_second")
    assert set(speeds) == set(norms)
    assert all(100 < speed < 2000 for speed in speeds.values())  # 10 tokens in 5 ms and a little


def test_tokens_are_counted_as_told(tmp_path):
    _, one = fit(tmp_path, TrainingMonitor(tokens=lambda batch: 1000 * len(batch)), epochs=1)
    assert all(speed > 20_000 for speed in logged(one, "tokens_per_second").values())


def batches_of_the_tasks():
    tokens, features, targets = torch.zeros(5, 3).long(), torch.zeros(2, 1280), torch.zeros(3)
    yield "windows of a text", Window(tokens, tokens, None), 5 * 3
    yield "series", SequenceBatch(torch.zeros(50, 3, 12), targets), 50 * 3
    yield "captions", CaptionBatch(features, torch.zeros(3).long(), tokens, tokens, (), ()), 5 * 3
    yield "questions", QuestionBatch(features, tokens, tokens[0], tokens[0], torch.zeros(3, 9), (), (), ()), 5 * 3
    yield "pairs", PairBatch(torch.zeros(7, 3).long(), tokens[0], tokens, tokens, (), ()), (7 + 5) * 3


@pytest.mark.parametrize(("batch", "count"), [pytest.param(*rest, id=name) for name, *rest in batches_of_the_tasks()])
def test_a_batch_says_how_many_tokens_it_has(batch, count):
    assert count_tokens(batch) == count


def test_a_batch_of_trees_says_how_many_words_it_has():
    batch = next(iter(TreeData(expressions=100, batch_size=2).val_dataloader()))
    assert count_tokens(batch) == len(batch.words)


def test_nothing_is_computed_between_the_steps_that_are_logged(tmp_path, monkeypatch):
    calls = []
    true = torch.nn.utils.get_total_norm
    monkeypatch.setattr("seqmodels.training.monitor.get_total_norm", lambda g: calls.append(1) or true(g))
    fit(tmp_path, TrainingMonitor())
    assert len(calls) == 6


def test_samples_are_printed_and_kept(tmp_path, capsys):
    model, trainer = fit(tmp_path, SampleText(length=7, prompt="Once", temperature=0.5, every_n_epochs=2), epochs=4)
    assert model.generated == [("Once", 7, 0.5)] * 2
    with open(f"{trainer.log_dir}/samples.txt", encoding="utf-8") as file:
        kept = file.read()
    assert kept.startswith("--- epoch 1, step 24\nOnce wrote 7 é 文\n")
    assert "--- epoch 3, step 48\n" in kept
    assert kept.splitlines()[2] == kept.splitlines()[5]  # the same seed
    assert "Once wrote 7 é 文" in capsys.readouterr().out


def test_a_sample_does_not_touch_the_random_state(tmp_path):
    torch.manual_seed(3)
    fit(tmp_path, epochs=1)
    expected = torch.rand(2)
    torch.manual_seed(3)
    fit(tmp_path, SampleText(), epochs=1)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize(
    ("option", "value"), [("length", 0), ("temperature", 0.0), ("temperature", -1.0), ("every_n_epochs", 0)]
)
def test_wrong_options_are_refused(option, value):
    with pytest.raises(OptionError, match=f"SampleText: {option} is {value}: give "):
        SampleText(**{option: value})
