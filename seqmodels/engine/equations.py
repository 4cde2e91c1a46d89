"""The graph of a row as equations that a person reads: names of parameters, states with a prime, products as W x."""

import itertools
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import fx

from seqmodels.engine.graph import Leaf, Node, operands, reachable
from seqmodels.engine.layer_pass import LayerPass
from seqmodels.engine.loop import Loop
from seqmodels.engine.moves import packet, shape_of
from seqmodels.engine.prelude import Prelude
from seqmodels.engine.trace import Inputs
from seqmodels.engine.whole_step import zoneout_masks

LONGEST = 60  # characters of an expression that stands within another
SUM, TERM, SIGN, ATOM = range(4)  # how tightly an expression binds
INFIX = {"add": ("+", SUM), "sub": ("-", SUM), "mul": ("*", TERM), "div": ("/", TERM)}
COMPARISONS = {"less": "<", "less_equal": "<=", "equal": "=="}
CALLED = {"amax": "max", "select": "where", "stop": "detach"}  # others by their own names
Text = tuple[str, int]  # an expression and how tightly it binds


@dataclass
class Line:
    """One equation; ``node`` is what stands on its left."""

    name: str
    text: str
    node: Node


class Names:
    """What the inputs of a loop are called.

    Args:
        layer: The layer, which has the names of parameters and states.
        prelude: Where the loop's inputs come from.
        sizes: The loop.
    """

    def __init__(self, layer: LayerPass, prelude: Prelude, sizes: Loop) -> None:
        self.sizes = sizes
        self.states = layer.cell.state_names
        given = _input_names(layer)
        self.taken = {*given, *self.states}
        placeholders, outputs = _ends(prelude.module.graph)
        known = dict(zip(placeholders[1:], given, strict=True))  # the first is the number of rows
        self._known = known
        self.once: list[str] = []  # equations of what is computed from parameters alone
        self.hoisted: list[str] = []  # and of what is computed for all steps
        computed = iter(outputs[: prelude.hoisted])
        self.steps = [given[i] if i is not None else self._computed(next(computed), "s") for i in prelude.steps]
        self.batches = [given[i] for i in prelude.batches]
        rest = outputs[prelude.hoisted :]
        self.vectors = [self._computed(node, "p") for node in rest[: len(sizes.vectors)]]
        self.matrices = [_transposed(self._computed(node, "p")) for node in rest[len(sizes.vectors) :]]

    def leaf(self, node: Node) -> str:
        """Columns of an input."""
        assert isinstance(node.data, Leaf)
        index, low = node.data
        kinds: dict[str, tuple[Sequence[str], list[int]]] = {
            "step": (self.steps, self.sizes.steps),
            "state": (self.states, self.sizes.states),
            "batch": (self.batches, self.sizes.batches),
            "vector": (self.vectors, self.sizes.vectors),
        }
        names, sizes = kinds[node.op]
        return f"{names[index]}{_range((low, low + node.width, sizes[index]))}"

    def matrix(self, index: int, columns: tuple[int, int], rows: tuple[int, int]) -> str:
        """A block of a matrix as it stands before a vector: its rows are the columns of the result."""
        height, width = self.sizes.matrices[index]
        return f"{self.matrices[index]}{_range((*columns, width), (*rows, height))}"

    def new(self, taken: set[str], prefix: str) -> str:
        return next(name for name in (f"{prefix}{i}" for i in itertools.count(1)) if name not in {*taken, *self.taken})

    def _computed(self, node: fx.Node, prefix: str) -> str:
        """The name of an output of the prelude; a new one, with its equation, if it is computed."""
        node = _without_form(node)
        if _is_view(node):
            return _expression(node, self._known)
        if _is_transposed(node):
            return _transposed(self._computed(node.args[0], prefix))  # type: ignore[arg-type]
        if node not in self._known:
            text = _expression(node, self._known)
            self._known[node] = name = self.new(set(), prefix)
            self.taken.add(name)
            (self.once if prefix == "p" else self.hoisted).append(f"{name} = {text}")
        return self._known[node]


def equations(loop: Loop, names: Names, kept: Iterable[Node]) -> tuple[list[Line], dict[Node, str]]:
    """The step as lines, and the text of every value: its name, or its expression where it has no line."""
    order = reachable(loop.outputs)
    uses: dict[Node, int] = {}
    for node in order:
        for arg in node.args:
            uses[arg] = uses.get(arg, 0) + 1
    own = {node for node in order if uses.get(node, 0) > 1} | set(kept)
    for node in reversed(order):  # what only passes a value on goes by its name
        if node in own and node.op in ("spread", "same"):
            own = own - {node} | set(node.args)
    states = _state_names(loop, names)
    lines: list[Line] = []
    texts: dict[Node, Text] = {}
    for node in order:
        texts[node] = _text(node, texts, names)
        text, name = texts[node][0], states.get(node)
        if name is None and not node.is_leaf and not node.is_number and (node in own or len(text) > LONGEST):
            name = names.new({line.name for line in lines}, "v")
        if name is not None and not node.is_leaf and not node.is_number:
            lines.append(Line(name, text, node))
            texts[node] = name, ATOM
    # A state that is another's new value, a number, or columns of an input.
    for index, pieces in enumerate(loop.new_state):
        for name, piece in _pieces(loop, names, index, pieces):
            if name not in {line.name for line in lines}:
                lines.append(Line(name, texts[piece][0], piece))
    return lines, {node: text for node, (text, _) in texts.items()}


def terms(products: Iterable[tuple[int, tuple[int, int], tuple[int, int], str]], names: Names) -> list[str]:
    """Products, each a matrix, its columns, its rows and the operand, with neighbours as one."""
    blocks: dict[tuple, list[tuple[int, int]]] = {}
    for matrix, columns, rows, operand in products:
        blocks.setdefault((matrix, rows, operand), []).append(columns)
    found = []
    for (matrix, rows, operand), parts in blocks.items():
        joined: list[tuple[int, int]] = []
        for low, high in sorted(parts):
            if joined and joined[-1][1] == low:
                low = joined.pop()[0]
            joined.append((low, high))
        found += [f"{names.matrix(matrix, columns, rows)} {operand}" for columns in joined]
    return found


# --- expressions of a row -------------------------------------------------------------------------------------------


def _text(node: Node, texts: dict[Node, Text], names: Names) -> Text:
    if node.is_leaf:
        return names.leaf(node), ATOM
    if node.is_number:
        assert isinstance(node.data, float)
        return f"{node.data:g}", ATOM if node.data >= 0 else SIGN
    if node.op == "product":
        parts = [
            f"{names.matrix(s.matrix, (s.column, s.column + node.width), (s.row, s.row + arg.width))} "
            f"{_within(texts[arg], ATOM)}"
            for arg, s in operands(node)
        ]
        return " + ".join(parts) or "0", SUM if len(parts) > 1 else TERM
    args = [texts[arg] for arg in node.args]
    if node.op in INFIX:
        sign, binding = INFIX[node.op]
        loose = node.op in ("add", "mul")  # the order of their operands' parentheses doesn't matter
        return f"{_within(args[0], binding)} {sign} {_within(args[1], binding if loose else binding + 1)}", binding
    if node.op == "neg":
        return f"-{_within(args[0], SIGN)}", SIGN
    if node.op in COMPARISONS:
        return f"({_within(args[0], SUM)} {COMPARISONS[node.op]} {_within(args[1], SUM)})", ATOM
    if node.op in ("spread", "same"):
        return args[0]
    return f"{CALLED.get(node.op, node.op)}({', '.join(text for text, _ in args)})", ATOM


def _within(text: Text, binding: int) -> str:
    return text[0] if text[1] >= binding else f"({text[0]})"


def _range(*parts: tuple[int, int, int]) -> str:
    """An index such as [0:4, 2:6], of (low, high, size) each; nothing where it takes all."""
    if all((low, high) == (0, size) for low, high, size in parts):
        return ""
    shown = [":" if (low, high) == (0, size) else f"{low}:{high}" for low, high, size in parts]
    return f"[{', '.join(shown)}]".replace(", :]", "]")


def _state_names(loop: Loop, names: Names) -> dict[Node, str]:
    found: dict[Node, str] = {}
    for index, pieces in enumerate(loop.new_state):
        for name, piece in _pieces(loop, names, index, pieces):
            found.setdefault(piece, name)
    return found


def _pieces(loop: Loop, names: Names, index: int, pieces: list[Node]) -> Iterable[tuple[str, Node]]:
    low = 0
    for piece in pieces:
        yield f"{names.states[index]}'{_range((low, low + piece.width, loop.states[index]))}", piece
        low += piece.width


# --- expressions of the prelude -------------------------------------------------------------------------------------

_FORM = {"view", "_unsafe_view", "reshape", "unsqueeze", "squeeze", "alias", "clone", "expand", "contiguous", "detach"}
_VIEWS = {"t", "transpose", "permute", "select", "slice"}
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/", "mm": "@"}


def _input_names(layer: LayerPass) -> list[str]:
    """Names of the inputs of a whole step, in the order of trace.Inputs."""
    inputs, states = Inputs.of(layer, None, zoneout_masks(layer)), layer.cell.state_names
    names = ["x"]
    names += [name for name, tensor in (("real", inputs.real), ("reset", inputs.reset)) if tensor is not None]
    names += [f"keep_{name}" for name in states if inputs.keeps is not None]
    names += states
    names += [f"{name}_0" for name in states if inputs.initial]
    names += [f"mask_{index}" for index in inputs.operand_masks]
    names += [f"weight_mask_{index}" for index in inputs.weight_masks]
    for name in inputs.parameters:
        owner, _, rest = name.partition(".")
        names.append(rest.removesuffix(".weight") if owner == "cell" else f"norm_{rest}")
    return names


def _ends(graph: fx.Graph) -> tuple[list[fx.Node], list[fx.Node]]:
    """Placeholders and outputs."""
    output = next(node for node in graph.nodes if node.op == "output")
    return [node for node in graph.nodes if node.op == "placeholder"], list(output.args[0])


def _called(node: fx.Node) -> str:
    name = node.target if isinstance(node.target, str) else getattr(packet(node), "__name__", str(node.target))
    return name.rpartition(".")[2]


def _without_form(node: fx.Node) -> fx.Node:
    while node.op != "placeholder" and _called(node) in _FORM:
        node = node.args[0]  # type: ignore[assignment]
    return node


def _is_view(node: fx.Node) -> bool:
    """Whether a value is part of an input, or all of it, perhaps transposed."""
    while node.op != "placeholder" and _called(node) in (_FORM | _VIEWS):
        node = node.args[0]  # type: ignore[assignment]
    return node.op == "placeholder"


def _is_transposed(node: fx.Node) -> bool:
    return _called(node) in ("t", "transpose", "permute") and len(shape_of(node)) == 2


def _expression(node: fx.Node, known: dict[fx.Node, str]) -> str:
    text = _prelude_text(node, known)[0]
    if len(text) <= 2 * LONGEST:
        return text
    inputs = sorted({known[source] for source in _sources(node) if source in known})
    return f"{_called(node)}(...) of {', '.join(inputs)}"


def _sources(node: fx.Node) -> set[fx.Node]:
    """The inputs that a value of the prelude comes from."""
    found, todo = set(), [node]
    while todo:
        node = todo.pop()
        if node not in found:
            found.add(node)
            todo += node.all_input_nodes
    return {node for node in found if node.op == "placeholder"}


def _prelude_text(value: Any, known: dict[fx.Node, str]) -> Text:
    if isinstance(value, list | tuple):
        return f"[{', '.join(_prelude_text(item, known)[0] for item in value)}]", ATOM
    if not isinstance(value, fx.Node):
        return (f"{value:g}" if isinstance(value, float) else str(value)), ATOM
    value = _without_form(value)
    if value in known:
        return known[value], ATOM
    if value.op == "placeholder":
        return value.name, ATOM
    kind, args = _called(value), value.args
    if kind == "rsub" and not value.kwargs:  # how torch has 1 - x
        kind, args = "sub", args[1::-1]
    first = _prelude_text(args[0], known) if args else ("", ATOM)
    if value.target is operator.getitem:
        return f"{_within(first, ATOM)}[{args[1]}]", ATOM
    if kind == "addmm" and not value.kwargs:
        bias, *factors = (_within(_prelude_text(arg, known), TERM) for arg in args)
        return f"{factors[0]} @ {factors[1]} + {bias}", SUM
    if _is_transposed(value):
        return (_transposed(first[0]) if first[1] == ATOM else f"({first[0]}).T"), ATOM
    if kind in ("select", "slice") and len(args) > 2:
        return f"{_within(first, ATOM)}[{_index(value)}]", ATOM
    if kind in _SIGNS and len(args) == 2 and not value.kwargs:
        binding = SUM if kind in ("add", "sub") else TERM
        loose = kind in ("add", "mul")
        second = _prelude_text(args[1], known)
        return f"{_within(first, binding)} {_SIGNS[kind]} {_within(second, binding if loose else binding + 1)}", binding
    return f"{kind}({', '.join(_prelude_text(arg, known)[0] for arg in args)})", ATOM


def _index(node: fx.Node) -> str:
    """The index of a select or slice."""
    dim, *where = node.args[1:]
    dims = len(shape_of(node)) + (_called(node) == "select")
    before = ":, " * (dim % dims)  # type: ignore[operator]
    if _called(node) == "select":
        return f"{before}{where[0]}"
    low, high = where[0] or 0, where[1] if len(where) > 1 else None
    return f"{before}{low}:{high if isinstance(high, int) and high < 2**62 else ''}"


def _transposed(name: str) -> str:
    """A matrix of a loop stands behind its operand; in an equation it stands before it."""
    return name.removesuffix(".T") if name.endswith(".T") else f"{name}.T"
