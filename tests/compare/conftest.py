"""A small problem, and a stranger's cell, module and data that can be imported by name."""

from pathlib import Path

import pytest
from small_studies import run

from seqmodels.compare import LocalWorkers, Problem, Training

STRANGER = '''
import lightning.pytorch as pl
import torch
from torch.utils.data import DataLoader

from seqmodels import RNN, Cell
from seqmodels.compare import Problem
from seqmodels.data import ResumableLoader


class Leaky(Cell):
    """No trained values but those of one matrix."""

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = torch.nn.Linear(input_size, hidden_size)

    def step(self, x, h):
        return 0.5 * h + 0.5 * torch.tanh(self.W(x))


class Broken(Leaky):
    def step(self, x, h):
        raise RuntimeError("this cell\\nis broken")


class Exploding(Leaky):
    def step(self, x, h):
        return torch.log(self.W(x) - 1e6) + h


class Last(pl.LightningModule):
    """Says the last value of a series again: a module that knows nothing of studies but the arguments it is given."""

    def __init__(self, features, cell="lstm", hidden_size=8, num_layers=1):
        super().__init__()
        self.rnn = RNN(cell, features, hidden_size, num_layers)
        self.linear = torch.nn.Linear(self.rnn.output_size, 1)

    def loss(self, batch):
        return (self.linear(self.rnn(batch)[0][-1]) - batch[-1, :, :1]).pow(2).mean()

    def training_step(self, batch, batch_idx):
        return self.loss(batch)

    def validation_step(self, batch, batch_idx):
        self.log("val_error", self.loss(batch))

    def test_step(self, batch, batch_idx):
        self.log("test_error", self.loss(batch))

    def configure_optimizers(self):
        raise AssertionError("the study has its own")


class Unsure(Last):
    """Its error is a number in the second validation only."""

    def on_validation_epoch_start(self):
        self.validations = getattr(self, "validations", 0) + 1

    def validation_step(self, batch, batch_idx):
        self.log("val_error", self.loss(batch) if self.validations == 2 else torch.tensor(float("nan")))


class Choosy(Last):
    def __init__(self, features, seed=None, length=torch.ones(2).numpy(), **options):
        super().__init__(features, **options)
        self.seed, self.length = seed, length


class Noisy(Last):
    def loss(self, batch):
        return super().loss(torch.nn.functional.dropout(batch, 0.5, self.training))


class Series(pl.LightningDataModule):
    features = 2

    def __init__(self, seed=0, length=64):
        super().__init__()
        self.seed, self.length = seed, length

    def setup(self, stage):
        self.series = torch.randn(self.length, 5, 2, generator=torch.Generator().manual_seed(self.seed))

    def train_dataloader(self):
        return DataLoader(self.series, batch_size=8, collate_fn=lambda rows: torch.stack(rows, 1))

    val_dataloader = test_dataloader = train_dataloader


class ResumableSeries(Series):
    def train_dataloader(self):
        return ResumableLoader(self.series, 8, shuffle=True, collate_fn=lambda rows: torch.stack(rows, 1))


problem = Problem("series", "stranger:Last", "stranger:Series", "error", "min", seeded=True)
'''


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current directory, from which the module ``stranger`` can be imported, here and in other processes."""
    (tmp_path / "stranger.py").write_text(STRANGER)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture(scope="module")
def problem() -> Problem:
    """The paper's XML, little of it."""
    return Problem(
        "xml",
        model="seqmodels.tasks:LanguageModel",
        data="seqmodels.data:XMLTags",
        metric="accuracy",
        mode="max",
        data_options={"batch_size": 4, "eval_batch_size": 4, "steps": 10, "windows": 7, "eval_windows": 3},
        seeded=True,
    )


@pytest.fixture(scope="module")
def undisturbed(problem: Problem, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[tuple]]:
    """A study that one worker ran to its end, and its numbers."""
    folder = tmp_path_factory.mktemp("study")
    return folder, run(folder, problem, LocalWorkers(1))


@pytest.fixture
def training() -> Training:
    return Training(steps=20, validations=4)
