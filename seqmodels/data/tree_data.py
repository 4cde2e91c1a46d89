"""``TreeData``: trees with labels, from files or drawn."""

# No `from __future__ import annotations`: LightningCLI reads the types of the constructor.
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from seqmodels.data.labelled.labelled_data import LabelledData
from seqmodels.data.position import check_positive
from seqmodels.data.streams import NOT_SCORED
from seqmodels.data.tokenizer import Tokenizer, build_tokenizer
from seqmodels.data.tree_files import LabelledTree, draw_expressions, read_trees
from seqmodels.errors import DataError, InputError
from seqmodels.trees import Forest, Tree, plant

LISTOPS = "listops"
POLARITY = {"0": "negative", "1": "negative", "2": None, "3": "positive", "4": "positive"}


class TreesAsRead:
    """The trees of a batch, hidden from Lightning: it looks for tensors within dataclasses, and refuses frozen ones."""

    def __init__(self, trees: Iterable[Tree]) -> None:
        self.trees = tuple(trees)


class TreeBatch(NamedTuple):
    """B trees with N nodes in all, of which L are leaves, in the order of the forest."""

    forest: Forest
    words: Int64[Tensor, " words"]
    """Tokens [L] of the leaves, or [N] of all nodes where inner nodes have words."""
    labels: Int64[Tensor, " N"]
    """NOT_SCORED where a node has none."""
    as_read: TreesAsRead | None = None
    """The trees themselves, for a person to find them again."""

    @property
    def token_count(self) -> int:
        """Words that are read."""
        return self.words.numel()


class TreeData(LabelledData):
    """Trees with a label at the root, or at every node: drawn expressions (from pip alone), or files.

    Stanford's Sentiment Treebank and other treebanks in brackets, ListOps, CoNLL-U, nested lists; see
    ``seqmodels.data.tree_files.read_trees``. Vocabulary and labels are those of the training trees.

    Args:
        source: "listops": expressions such as ``[MAX 2 9 [MIN 4 7 ] 0 ]`` with their value, drawn at random, the same
            every time. Otherwise a file of training trees.
        valid_source: A file of its own for validation; None: cut off ``source``.
        test_source: The same for the test.
        form: Of the files; None: as their names end.
        fractions: Expected shares of the three parts, where trees are cut off the training trees.
        split_seed: Of that cut.
        binary: Of labels 0 to 4, take 0 and 1 as "negative", 3 and 4 as "positive", and leave out 2, and trees whose
            root has it: SST-2.
        lowercase: The vocabulary is in lower case. A word that it doesn't have is looked up in lower case anyway.
        min_count: How often a word must occur to get a token.
        expressions: How many are drawn for training; for validation and test a tenth each.
        max_bad: How many trees of each file may be faulty; they are named, and left out.
        batch_size: B, the trees of each process.
        eval_batch_size: Those in validation and test; None: ``batch_size``.
        seed: Of the order of the training trees.

    Raises:
        OptionError: An option out of range.
        DataError: While reading: a file is missing or damaged.

    Example:
        >>> from seqmodels.data.tree_data import TreeData
        >>> data = TreeData(expressions=100, batch_size=2)
        >>> batch = next(iter(data.val_dataloader()))
        >>> len(batch.words) == batch.forest.leaves, len(batch.labels) == len(batch.forest)
        (True, True)
    """

    def __init__(
        self,
        source: str = LISTOPS,
        valid_source: str | None = None,
        test_source: str | None = None,
        form: Literal["brackets", "parses", "operators", "lists", "conllu"] | None = None,
        fractions: tuple[float, float, float] = (0.8, 0.1, 0.1),
        split_seed: int = 0,
        binary: bool = False,
        lowercase: bool = False,
        min_count: int = 1,
        expressions: int = 10_000,
        max_bad: int = 0,
        batch_size: int = 25,
        eval_batch_size: int | None = None,
        seed: int = 0,
    ) -> None:
        check_positive(min_count=min_count, expressions=expressions)
        sources = (source, valid_source, test_source)
        super().__init__(sources, fractions, split_seed, max_bad, batch_size, eval_batch_size, seed)
        self.form, self.binary, self.lowercase = form, binary, lowercase
        self.min_count, self.expressions = min_count, expressions
        self.save_hyperparameters(logger=False)

    def read(self, source: str) -> Mapping[str, list[LabelledTree]]:
        """The trees of a file, or those of all parts that are drawn."""
        if source == LISTOPS:
            counts = {
                "train": self.expressions,
                **dict.fromkeys(("validation", "test"), max(1, self.expressions // 10)),
            }
            return {part: _drawn(count, seed) for seed, (part, count) in enumerate(counts.items())}
        found = read_trees(source, self.form, self.max_bad)
        return {"train": _polar(found) if self.binary else found}

    @cached_property
    def tokenizer(self) -> Tokenizer:
        """Of the training trees' words. Set it to read with a trained model's vocabulary."""
        text = "\n".join(" ".join(_words_of([record.tree])) for record in self.records["train"])
        text = text.lower() if self.lowercase else text
        return build_tokenizer("word", text, min_count=self.min_count)

    def collate(self, records: list[LabelledTree]) -> TreeBatch:
        """The trees as one forest."""
        forest, words = plant_words([record.tree for record in records], self.tokenizer)
        labels = [self._number(label) for record in records for label in record.tree.labels]
        as_read = TreesAsRead(record.tree for record in records)
        return TreeBatch(forest, words, torch.tensor(labels)[forest.order], as_read)

    def _number(self, label: str | None) -> int:
        return NOT_SCORED if label is None else self._numbers[label]

    def describe(self) -> str:
        """One line: the trees, how many of them there are, and the labels."""
        return f"TreeData: {self.source}, {self.sizes()} trees, {len(self.labels)} labels, {len(self.tokenizer)} words"


def plant_words(trees: Sequence[Tree], tokenizer: Tokenizer) -> tuple[Forest, Int64[Tensor, " words"]]:
    """The forest of some trees and the tokens of their words, of the leaves or of all nodes, in its order.

    Args:
        trees: All of them with words at leaves only, or all with words at every node.
        tokenizer: Of words. One that it doesn't have is looked up in lower case, and is else unknown.

    Raises:
        InputError: There is no tree, or some have words at inner nodes and others don't.

    Example:
        >>> from seqmodels.data import build_tokenizer
        >>> from seqmodels.data.tree_files import parse_brackets
        >>> words = build_tokenizer("word", "lovely film")
        >>> forest, tokens = plant_words([parse_brackets("( Lovely film )")], words)
        >>> words.decode(tokens)
        'lovely film '
    """
    forest = plant(trees)
    text = " ".join(_words_of(trees))
    tokens, lower = tokenizer.encode(text), tokenizer.encode(text.lower())
    if tokenizer.unknown_id is not None:
        tokens = torch.where(tokens.eq(tokenizer.unknown_id), lower, tokens)
    if len(tokens) == len(forest):
        return forest, tokens[forest.order]
    if len(tokens) > forest.leaves:
        raise InputError(
            "some trees have words at their inner nodes and others don't; keep them in batches of their own"
        )
    leaf = torch.tensor([word is not None for tree in trees for word in tree.words])
    return forest, tokens[(leaf.cumsum(0) - 1)[forest.order[: forest.leaves]]]


def _words_of(trees: Iterable[Tree]) -> list[str]:
    """Words of all nodes; what is white space within a word elsewhere becomes a line below."""
    return [re.sub(r"\s", "_", word) for tree in trees for word in tree.words if word is not None]


def _drawn(count: int, seed: int) -> list[LabelledTree]:
    trees = draw_expressions(count, np.random.default_rng(seed))
    return [LabelledTree(tree, f"expression {number}") for number, tree in enumerate(trees)]


def _polar(records: list[LabelledTree]) -> list[LabelledTree]:
    """Positive and negative trees, without those whose root is neither."""
    found = []
    for record in records:
        for label in record.classes:
            if label not in POLARITY:
                raise DataError(f"{record.where}: the label is {label!r}; binary needs labels from 0 to 4")
        tree = record.tree
        labels = tuple(None if label is None else POLARITY[label] for label in tree.labels)
        if labels[0] is not None:
            found.append(LabelledTree(Tree(tree.parents, tree.words, labels), record.where))
    return found
