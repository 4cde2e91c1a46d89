"""What the data modules share: where this process stands among all, and their one line of text."""

from typing import Any

from lightning.pytorch import LightningDataModule


class DataModule(LightningDataModule):
    """A LightningDataModule whose loaders are ours."""

    def describe(self) -> str:
        """One line: what it is and how much there is of it."""
        raise NotImplementedError

    def __str__(self) -> str:
        # Lightning's own looks for a length inside of every loader, and ours are not torch's.
        return type(self).__name__

    @property
    def place(self) -> dict[str, Any]:
        """``rank`` and ``world_size`` for a loader; alone without a Trainer."""
        if self.trainer is None:
            return {"rank": 0, "world_size": 1}
        return {"rank": self.trainer.global_rank, "world_size": self.trainer.world_size}
