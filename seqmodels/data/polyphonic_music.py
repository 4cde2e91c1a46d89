"""``PolyphonicMusic``: piano rolls, to predict each frame from those before."""

from typing import ClassVar

import torch
from torch.nn.utils.rnn import pad_sequence

from seqmodels.data.piano_rolls import KEYS, Roll, read_piano_rolls
from seqmodels.data.records import RecordData
from seqmodels.data.sequences import SequenceBatch


class PolyphonicMusic(RecordData):
    """Whole pieces as batches: JSB Chorales, Nottingham, Piano-midi.de and MuseData, with the splits of their files.

    Input [T, B, 88]: the frames before, so the first is all 0. Target [T, B, 88]: the frames, 1 where a key sounds.
    Lengths [B]; what lies past them is 0.

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
        super().__init__(batch_size, eval_batch_size, seed)
        self.path = path
        self.save_hyperparameters(logger=False)

    def read_parts(self) -> dict[str, "_Pieces"]:
        """Those of the file."""
        rolls = read_piano_rolls(self.path)
        return {part: _Pieces(found, f"the {part} part of {self.path}") for part, found in rolls.items()}

    def collate(self, records: list[torch.Tensor]) -> SequenceBatch:
        """Pieces [t, 88] -> input, target [T, B, 88] and lengths [B]."""
        target = pad_sequence(records)
        before = torch.cat([torch.zeros_like(target[:1]), target[:-1]])
        lengths = torch.tensor([len(piece) for piece in records])
        before[torch.arange(len(before))[:, None] >= lengths] = 0
        return SequenceBatch(before, target, lengths)

    def describe(self) -> str:
        """One line: the file, its pieces and frames."""
        frames = sum(len(roll) for part in self.parts.values() for roll in part.rolls)
        return f"PolyphonicMusic: {self.path}, {frames:,} frames, {self.sizes()}"


class _Pieces:
    """What ``ResumableLoader`` reads."""

    def __init__(self, rolls: list[Roll], name: str) -> None:
        self.rolls, self.name = rolls, name

    def __len__(self) -> int:
        return len(self.rolls)

    def __getitem__(self, number: int) -> torch.Tensor:
        return torch.from_numpy(self.rolls[number]).float()
