"""``PictureData``: what data modules of pictures with text share."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from seqmodels.data.pictures import Pictures
from seqmodels.data.records import RecordData
from seqmodels.data.tokenizer import Tokenizer, build_tokenizer


class PictureData(RecordData):
    """Records of pictures and words: a vocabulary of the training text, and features or pixels.

    Args:
        min_count: How often a word must occur to get a token.
        picture_options: Those of ``Pictures`` from backbone to max_bad, in its order.
        batch_size: B, the records of each process.
        eval_batch_size: those in validation and test; None: ``batch_size``.
        seed: of the order of the training records.
        num_workers: processes that read pictures, for features to be stored and for batches; 0: this one.
    """

    def __init__(
        self,
        min_count: int,
        picture_options: tuple[Any, ...],
        batch_size: int,
        eval_batch_size: int | None,
        seed: int,
        num_workers: int,
    ) -> None:
        super().__init__(batch_size, eval_batch_size, seed, num_workers)
        self.min_count = min_count
        self._picture_options = picture_options

    @abstractmethod
    def training_text(self) -> str:
        """The words of the training records, with spaces between, a line each."""

    @abstractmethod
    def picture_sources(self) -> Mapping[str, str | Callable[[], Any]]:
        """Key -> file, or what gives the picture, of all parts."""

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Of the training text's words. Set it to read with a trained model's vocabulary."""
        return build_tokenizer("word", self.training_text(), min_count=self.min_count)

    @cached_property
    def pictures(self) -> Pictures:
        """What gives a picture by its key."""
        return Pictures(self.picture_sources(), *self._picture_options, num_workers=self.num_workers)

    @property
    def image(self) -> dict[str, Any]:
        """What a model must know of the pictures."""
        return self.pictures.image

    def prepare_data(self) -> None:
        """Compute and store features, once a machine."""
        self.pictures.prepare()
