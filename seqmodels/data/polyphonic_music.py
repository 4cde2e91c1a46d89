"""``PolyphonicMusic``: piano rolls, to predict each frame from those before."""

from typing import Any, ClassVar

import torch
from torch.nn.utils.rnn import pad_sequence

from seqmodels.data.module import DataModule
from seqmodels.data.piano_rolls import KEYS, Roll, read_piano_rolls
from seqmodels.data.position import check_positive, check_seed
from seqmodels.data.resumable import ResumableLoader
from seqmodels.data.sequences import SequenceBatch


class PolyphonicMusic(DataModule):
    """Whole pieces as batches: JSB Chorales, Nottingham, Piano-midi.de and MuseData, with the splits of their files.

    Input [T, B, 88]: the frames before, so the first is all 0. Target [T, B, 88]: the frames, 1 where a key sounds.
    Lengths [B]; what lies past them is 0.

    With several processes, a last batch of validation or test that doesn't come out even has some pieces twice.

    Args:
        path: a ``.mat`` or ``.pickle`` file; see ``seqmodels.data.piano_rolls.read_piano_rolls``.
        batch_size: B, the pieces of each process.
        eval_batch_size: those in validation and test; None: ``batch_size``.
        seed: of the order of the training pieces.

    Attributes:
        input_size: 88, the keys of a piano.

    Raises:
        OptionError: an option out of range.
        DataError: while reading: the file is missing, damaged, or holds something else.

    Source: Boulanger-Lewandowski, Bengio and Vincent 2012.

    Example:
        >>> import pathlib, pickle, tempfile
        >>> from seqmodels.data import PolyphonicMusic
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "scale.pickle"
        >>> pieces = [[[60], [62], [64]], [[60], [72]]]
        >>> _ = path.write_bytes(pickle.dumps({"train": pieces, "valid": pieces, "test": pieces}))
        >>> batch = next(iter(PolyphonicMusic(str(path)).val_dataloader()))
        >>> batch.input.shape, batch.lengths.tolist()
        (torch.Size([3, 2, 88]), [3, 2])
    """

    input_size: ClassVar[int] = KEYS

    def __init__(
        self,
        path: str,
        batch_size: int = 16,
        eval_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        check_positive(batch_size=batch_size)
        if eval_batch_size is not None:
            check_positive(eval_batch_size=eval_batch_size)
        check_seed(seed)
        self.path, self.seed = path, seed
        self.batch_size, self.eval_batch_size = batch_size, eval_batch_size or batch_size
        self._pieces: dict[str, _Pieces] = {}
        self.save_hyperparameters(logger=False)

    def train_dataloader(self) -> ResumableLoader:
        """In another order every epoch."""
        return self._loader("train", self.batch_size)

    def val_dataloader(self) -> ResumableLoader:
        """Each piece once."""
        return self._loader("validation", self.eval_batch_size)

    def test_dataloader(self) -> ResumableLoader:
        """Each piece once."""
        return self._loader("test", self.eval_batch_size)

    def describe(self) -> str:
        """One line: the file, its pieces and frames."""
        self._read()
        sizes = [f"{len(part):,} {name}" for name, part in self._pieces.items()]
        frames = sum(len(roll) for part in self._pieces.values() for roll in part.rolls)
        return f"PolyphonicMusic: {self.path}, {frames:,} frames, {', '.join(sizes)}"

    def _read(self) -> None:
        if not self._pieces:
            rolls = read_piano_rolls(self.path)
            self._pieces = {part: _Pieces(found, f"the {part} part of {self.path}") for part, found in rolls.items()}

    def _loader(self, part: str, batch_size: int) -> ResumableLoader:
        self._read()
        return ResumableLoader(
            self._pieces[part],
            batch_size,
            shuffle=part == "train",
            seed=self.seed,
            collate_fn=_batch,
            **self.place,
        )


class _Pieces:
    """What ``ResumableLoader`` reads."""

    def __init__(self, rolls: list[Roll], name: str) -> None:
        self.rolls, self.name = rolls, name

    def __len__(self) -> int:
        return len(self.rolls)

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.from_numpy(self.rolls[number]).float()


def _batch(pieces: list[Any]) -> SequenceBatch:
    target = pad_sequence(pieces)
    before = torch.cat([torch.zeros_like(target[:1]), target[:-1]])
    lengths = torch.tensor([len(piece) for piece in pieces])
    before[torch.arange(len(before))[:, None] >= lengths] = 0
    return SequenceBatch(before, target, lengths)
