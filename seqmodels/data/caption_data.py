"""``CaptionData``: pictures and what people said of them."""

# No `from __future__ import annotations`: LightningCLI reads the types of the constructor.
from collections.abc import Mapping
from functools import cached_property, partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Int64
from torch import Tensor

from seqmodels.data.captions import CaptionedImage, read_captions
from seqmodels.data.held_out import PARTS, warn_without_test
from seqmodels.data.picture_data import PictureData
from seqmodels.data.pictures import Pictures
from seqmodels.data.position import check_positive
from seqmodels.data.sequences import pad
from seqmodels.data.streams import NOT_SCORED
from seqmodels.errors import DataError, OptionError
from seqmodels.metrics import tokenize_caption


class CaptionBatch(NamedTuple):
    """B pictures with N captions in all."""

    image: Tensor
    """Features [B, F] or [B, R, F], or pictures [B, 3, S, S]."""
    owner: Int64[Tensor, " N"]
    """The picture, in [0, B), that a caption is of."""
    input: Int64[Tensor, "T N"]
    """The captions, after the token that begins each; 0 past their ends."""
    target: Int64[Tensor, "T N"]
    """The captions, before the token that ends each; not scored past it."""
    references: tuple[tuple[str, ...], ...]
    """The captions of each picture, as words with spaces between."""
    keys: tuple[str, ...]

    @property
    def token_count(self) -> int:
        """Tokens of the captions, padding included."""
        return self.input.numel()


class CaptionData(PictureData):
    """Pictures with captions: emoji and their names (from pip alone), or files in one of the usual forms.

    COCO's JSON, Karpathy's split, Flickr8k's and Flickr30k's files, a folder with a CSV, a Hugging Face dataset; see
    ``seqmodels.data.captions.read_captions``. The vocabulary is that of the training captions; a batch has all captions
    of its pictures.

    Args:
        source: "emoji", "emoji-variants" (held-out ones may differ in skin tone or gender alone), or the file, folder
            or dataset.
        valid_source: A file of its own for validation, as COCO has it; all of ``source`` is then trained on.
        test_source: The same for the test; None: what validation has.
        images: The folder of pictures, or one above it. For emoji, where they are drawn to.
        fractions: Shares of training, validation and test where the files don't say, by a hash of the picture's key.
        min_count: How often a word must occur to get a token.
        max_words: Captions are cut after so many words, and not trained to end there; `describe` says how many of
            those that are trained on are longer.
        backbone: What makes features of the pictures; see ``seqmodels.images.Backbone``.
        layer: Where it is cut, such as "grid" for attention; its usual place if not given.
        image_size: Pixels to which the backbone's pictures are made; its usual size if not given.
        features: A file or folder of features made elsewhere, instead of ``backbone``.
        store_features: Compute features once and keep them. False: batches hold pictures, for a backbone in the model.
        folder: Where computed features are kept.
        max_bad: How many records and pictures may be faulty; they are named, and left out.
        num_workers: Processes that read pictures; 0: this one. Pictures that stay in memory (up to 96 x 96 as the
            model sees them) don't need any after the first epoch.
        batch_size: B, the pictures of each process.
        eval_batch_size: those in validation and test; None: ``batch_size``.
        seed: of the order of the training pictures.

    Raises:
        OptionError: An option out of range.
        DataError: While reading: a file is missing or damaged.

    Example:
        >>> from seqmodels.data import CaptionData
        >>> CaptionData("emoji", batch_size=32).batch_size
        32
    """

    def __init__(
        self,
        source: str = "emoji",
        valid_source: str | None = None,
        test_source: str | None = None,
        images: str | None = None,
        fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
        min_count: int = 1,
        max_words: int = 20,
        backbone: str = "efficientnet_lite0",
        layer: str | None = None,
        image_size: int | None = None,
        features: str | None = None,
        store_features: bool = True,
        folder: str = "features",
        max_bad: int = 0,
        num_workers: int = 0,
        batch_size: int = 32,
        eval_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        check_positive(min_count=min_count, max_words=max_words)
        pictures = (backbone, layer, image_size, features, store_features, folder, max_bad)
        super().__init__(min_count, pictures, batch_size, eval_batch_size, seed, num_workers)
        self.max_words, self.max_bad = max_words, max_bad
        if test_source is not None and valid_source is None:
            raise OptionError("test_source needs valid_source; otherwise the parts come from source")
        self.source, self.images, self.fractions = source, images, fractions
        self.files = {"train": source, "validation": valid_source, "test": test_source}
        self.save_hyperparameters(logger=False)

    @cached_property
    def records(self) -> Mapping[str, list[CaptionedImage]]:
        """The pictures and captions of each part."""
        several = {part: file for part, file in self.files.items() if file is not None}
        read = read_captions(
            self.source if len(several) == 1 else several,
            self.images,
            fractions=self.fractions,
            max_bad=self.max_bad,
        )
        found = {part: [one for one in read if one.split == part] for part in PARTS}
        if self.files["validation"] is None:
            warn_without_test(found, self.fractions)
        found["test"] = found["test"] or found["validation"]
        for part in PARTS:
            if not found[part]:
                raise DataError(
                    f"{self.source}: has no pictures for {part}; give a file that has some, or other --data.fractions"
                )
        return found

    @cached_property
    def _training_lines(self) -> list[str]:
        return [line for one in self.records["train"] for line in words_of(one)]

    def training_text(self) -> str:
        """The training captions."""
        return "".join(f"{line}\n" for line in self._training_lines)

    def picture_sources(self) -> dict[str, Any]:
        """The pictures of all parts."""
        every = [one for part in PARTS for one in self.records[part]]
        return {one.key: one.path or partial(_inside, one) for one in every}

    def read_parts(self) -> dict[str, "_Captions"]:
        """The records whose pictures can be read."""
        return {part: _Captions(self.pictures, self.records[part], part) for part in PARTS}

    def collate(self, records: list[Any]) -> CaptionBatch:
        """Pictures, and all their captions side by side."""
        end = self.tokenizer.line_end_id
        owner, captions, references = [], [], []
        for row, (_, record) in enumerate(records):
            lines = words_of(record)
            references.append(tuple(lines))
            for line in lines:
                owner.append(row)
                captions.append(self.tokenizer.encode(line))
        cut = torch.tensor([len(tokens) > self.max_words for tokens in captions])
        captions = [tokens[: self.max_words] for tokens in captions]
        boundary = torch.tensor([end])
        inputs, lengths = pad([torch.cat([boundary, tokens]) for tokens in captions])
        targets, _ = pad([torch.cat([tokens, boundary]) for tokens in captions])
        # A caption that goes on doesn't end where it was cut.
        targets[torch.arange(len(targets))[:, None] >= lengths - cut.long()] = NOT_SCORED
        images, found = zip(*records, strict=True)
        keys = tuple(record.key for record in found)
        pictures = self.pictures.stacked(images, keys)
        return CaptionBatch(pictures, torch.tensor(owner), inputs, targets, tuple(references), keys)

    def describe(self) -> str:
        """One line: the pictures and how many of them there are."""
        longer = sum(len(line.split()) > self.max_words for line in self._training_lines)
        cut = f", {longer:,} captions cut after {self.max_words}" if longer else ""
        return f"CaptionData: {self.source}, {self.sizes()} pictures, {len(self.tokenizer)} words{cut}"


def words_of(record: CaptionedImage) -> list[str]:
    """Its captions as words with spaces between."""
    return [" ".join(tokenize_caption(caption)) for caption in record.captions]


def _inside(record: CaptionedImage) -> Any:
    """A picture that is inside another file."""
    from seqmodels.images import decode_image

    return decode_image(record.read_bytes(), record.key)


class _Captions:
    """What ``ResumableLoader`` reads: a picture and its record."""

    def __init__(self, pictures: Pictures, records: list[CaptionedImage], part: str) -> None:
        self.name = f"the {part} part of the captions"
        self._pictures, self._records = pictures, [one for one in records if one.key in pictures]

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, number: int) -> tuple[Tensor, CaptionedImage]:
        record = self._records[number]
        return self._pictures[record.key], record
