"""``read_trees``: whichever form a file of trees has."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, cast

from seqmodels.data.bad_records import BadRecords
from seqmodels.data.strict_json import collection_paused
from seqmodels.data.text_file import read_text
from seqmodels.data.tree_files.brackets import parse_brackets
from seqmodels.data.tree_files.conllu import parse_conllu
from seqmodels.data.tree_files.nested_lists import parse_nested_lists
from seqmodels.data.tree_files.operators import parse_operators
from seqmodels.errors import DataError, InputError, OptionError
from seqmodels.trees import Branch, Tree

Form = Literal["brackets", "parses", "operators", "lists", "conllu"]
FORMS = ("brackets", "parses", "operators", "lists", "conllu")
_ENDINGS: dict[str, Form] = {".tsv": "parses", ".jsonl": "lists", ".json": "lists", ".conllu": "conllu"}

Lines = Iterator[tuple[int, str]]
"""Where something begins, and what it is."""


class LabelledTree(NamedTuple):
    """A tree, and where it is from."""

    tree: Tree
    where: str
    """The file and the line, for messages."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels of all nodes that have one."""
        return tuple(label for label in self.tree.labels if label is not None)

    @property
    def key(self) -> str:
        """What must not be in two parts: the words."""
        return " ".join(word for word in self.tree.words if word is not None)


def read_trees(path: str | Path, form: Form | None = None, max_bad: int = 0) -> list[LabelledTree]:
    """The trees of a file.

    Args:
        path: The file, in UTF-8.
        form: "brackets": trees with a label at every node, as the Stanford Sentiment Treebank (a tree a line) and the
            Penn Treebank (further lines indented) have them. "parses": a label, a tab, and the words in brackets, as
            ListOps has it. "operators": the same file as trees of operators. "lists": a JSON object a line, with "tree"
            and "label". "conllu": dependency trees with comments ``# label = x``. None: as the file's name ends, .tsv
            "parses", .json and .jsonl "lists", .conllu; others "brackets".
        max_bad: How many trees may be faulty; they are named, and left out.

    Raises:
        OptionError: There is no such form.
        DataError: The file is missing, or a tree in it is damaged or has no label; names the line.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "dev.txt"
        >>> _ = path.write_text("(4 (3 lovely) (2 film))\\n")
        >>> (found,) = read_trees(path)
        >>> found.classes, found.key
        (('4', '3', '2'), 'lovely film')
    """
    pieces, parse = _READERS[form := form_of(path, form)]
    bad, trees = BadRecords(max_bad), []
    with collection_paused():
        for line, text in pieces(read_text(path)):
            where = f"{path}, line {line}"
            try:
                trees.append(LabelledTree(_labelled(parse(_with_label(text, form)), form), where))
            except InputError as error:
                bad.add(where, str(error))
    bad.warn()
    return trees


def parse_trees(text: str, source: str, form: Form, first_line: int = 1) -> Iterator[LabelledTree]:
    """The trees of a text, with labels or without, as they come.

    Args:
        text: In one of the forms of ``read_trees``.
        source: What it is, for messages.
        form: Which of them.
        first_line: The number of its first line, for messages.

    Raises:
        OptionError: There is no such form.
        DataError: A tree is damaged, or there is none; names the line.

    Example:
        >>> [str(found.tree) for found in parse_trees("( a film )\\n(3 (2 lovely) (2 film))\\n", "my.txt", "brackets")]
        ['( ( a) ( film))', '(3 (2 lovely) (2 film))']
    """
    pieces, parse = _READERS[form_of(source, form)]
    found = False
    for line, piece in pieces(text):
        found = True
        where = f"{source}, line {line + first_line - 1}"
        try:
            yield LabelledTree(parse(piece), where)
        except InputError as error:
            raise DataError(f"{where}: {error}") from None
    if not found:
        raise DataError(f"{source}: there is no tree; write one, such as (4 (3 lovely) (2 film))")


def form_of(path: str | Path, form: str | None = None) -> Form:
    """The form that is given, or else that of a file as its name ends.

    Raises:
        OptionError: There is no such form.

    Example:
        >>> form_of("train.conllu"), form_of("train.conllu", "brackets")
        ('conllu', 'brackets')
    """
    form = form or _ENDINGS.get(Path(path).suffix, "brackets")
    if form not in FORMS:
        raise OptionError(f"the form of trees is {form!r}; use one of {', '.join(FORMS)}")
    return cast(Form, form)


def _with_label(piece: str, form: Form) -> str:
    """The piece, if a label and a tab stand before its tree where its form has them."""
    label, tab, _ = piece.partition("\t")
    if form in ("parses", "operators") and piece.strip() and not (tab and label.strip()):
        raise InputError("the line has no label; write it, a tab, and the tree")
    return piece


def _labelled(tree: Tree, form: Form) -> Tree:
    """The tree, if it has the labels that its form has."""
    if form == "brackets" and None in tree.labels:
        node = tree.labels.index(None)
        raise InputError(f"node {node} ({tree.words[node] or 'no word'}) has no label; write (label word)")
    if tree.labels[0] is None:
        raise InputError("the tree has no label" + ("; write '# label = ...' above it" if form == "conllu" else ""))
    return tree


def _bracketed(text: str) -> Lines:
    """Trees begin at the start of a line; their further lines, if any, don't. Empty lines count for nothing."""
    first = 0
    lines: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if line[:1] not in ("", " ", "\t") and lines:
            yield first, "\n".join(lines)
            lines = []
        if line.strip():
            first = first if lines else number
            lines.append(line)
    if lines:
        yield first, "\n".join(lines)


def _lines(text: str) -> Lines:
    """A record a line, none of them empty."""
    yield from enumerate(text.removesuffix("\n").split("\n"), 1)


def _sentences(text: str) -> Lines:
    """What empty lines stand between."""
    first = 0
    lines: list[str] = []
    for number, line in enumerate([*text.split("\n"), ""], 1):
        if line.strip():
            first = first if lines else number
            lines.append(line)
        elif lines:
            yield first, "\n".join(lines)
            lines = []


def _after_label(parse: Callable[[str], Tree]) -> Callable[[str], Tree]:
    """Of a line with a label, a tab and a tree, or with a tree alone."""

    def parse_line(line: str) -> Tree:
        label, _, text = line.rpartition("\t")
        tree = parse(text)
        return Tree(tree.parents, tree.words, (label.strip() or None, *tree.labels[1:]))

    return parse_line


def _parse(text: str) -> Tree:
    """A tree in brackets, or a word alone."""
    words = text.split()
    return Tree.of(Branch(word=words[0])) if len(words) == 1 else parse_brackets(text)


def _not_empty(parse: Callable[[str], Tree]) -> Callable[[str], Tree]:
    def parse_line(line: str) -> Tree:
        if not line.strip():
            raise InputError("the line is empty; remove it")
        return parse(line)

    return parse_line


_READERS: dict[str, tuple[Callable[[str], Lines], Callable[[str], Tree]]] = {
    "brackets": (_bracketed, parse_brackets),
    "parses": (_lines, _not_empty(_after_label(_parse))),
    "operators": (_lines, _not_empty(_after_label(parse_operators))),
    "lists": (_lines, _not_empty(parse_nested_lists)),
    "conllu": (_sentences, lambda text: parse_conllu(text.split("\n"))),
}
