"""Trees per second, forward and backward: level by level over a batch, and node by node as papers' code recurses.

python benchmarks/trees.py --threads 1
python benchmarks/trees.py --threads 2

Both run the same cells with the same weights over the same trees, and must agree. Trees are random binary ones as long
as the sentences of the Stanford Sentiment Treebank (19 words on average), or those of --file, in brackets.
"""

import argparse
import copy
import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from seqmodels.cell import State
from seqmodels.data.tree_files import read_trees
from seqmodels.trees import Branch, Forest, Tree, TreeCell, TreeRNN, plant

AGREEMENT = 1e-10  # in float64, relative to the largest value, or to 1


def random_trees(count: int, words: float = 19.0) -> list[Tree]:
    """Binary trees whose halves are cut at random places."""
    draw = np.random.default_rng(0)

    def grow(length: int) -> Branch:
        if length == 1:
            return Branch(word="w")
        left = int(draw.integers(1, length))
        return Branch(children=[grow(left), grow(length - left)])

    return [Tree.of(grow(max(2, int(draw.normal(words, 9.3))))) for _ in range(count)]


def node_by_node(rnn: TreeRNN, words: Tensor, trees: list[Tree], forest: Forest) -> Tensor:
    """The outputs of all nodes in the order of the forest, each node computed by itself, as one recurses."""
    cell, number = rnn.cell, torch.empty_like(forest.order)
    number[forest.order] = torch.arange(len(forest))
    rows = number.tolist()
    nothing = words.new_zeros(1, words.shape[1])
    found: dict[int, tuple[Tensor, ...]] = {}
    first = 0
    for tree in trees:
        below: list[list[int]] = [[] for _ in range(len(tree))]
        for node, parent in enumerate(tree.parents[1:], 1):
            below[parent].append(node)

        def state_of(node: int, first: int = first, below: list[list[int]] = below) -> tuple[Tensor, ...]:
            row = rows[first + node]
            x = words[row : row + 1] if row < len(words) else nothing
            if not below[node]:
                state = cell.leaf(x) if isinstance(cell, TreeCell) else cell.next_state(x, cell.zero_state(x))
            else:
                children = zip(*(state_of(child) for child in below[node]), strict=True)
                stacked = [torch.stack(states, 1) for states in children]
                state = compose(x, stacked)
            found[row] = cell.pack_state(state)
            return found[row]

        def compose(x: Tensor, children: list[Tensor]) -> State:
            if isinstance(cell, TreeCell):
                return cell.node(x, torch.ones(children[0].shape[:2], dtype=torch.bool), *children)
            return cell.next_state(x, [state.sum(1) for state in children])

        state_of(0)
        first += len(tree)
    return torch.cat([cell.output(*found[row]) for row in range(len(forest))])


def gradients(output: Tensor, leaves: list[Tensor]) -> list[Tensor]:
    weights = torch.linspace(-1, 1, output.numel()).view_as(output)
    return list(torch.autograd.grad((output * weights).sum(), leaves))


def disagreement(one: list[Tensor], other: list[Tensor]) -> float:
    """Largest difference, relative to the largest value of each tensor, or to 1."""
    pairs = zip(one, other, strict=True)
    return max(float(((a - b).abs().max() / b.abs().max().clamp(min=1)).detach()) for a, b in pairs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", nargs="+", default=["binary_tree_lstm", "tree_lstm", "recursive", "gru"])
    parser.add_argument("--batch", type=int, nargs="+", default=[25, 64, 256])
    parser.add_argument("--input-size", type=int, default=300)
    parser.add_argument("--hidden-size", type=int, default=150)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--file", help="trees in brackets, instead of random ones")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("| cell | batch | nodes | threads | trees per second | node by node | ratio | difference |")
    print("|---|---|---|---|---|---|---|---|")
    for cell in options.cells:
        for batch in options.batch:
            trees = [found.tree for found in read_trees(options.file)[:batch]] if options.file else random_trees(batch)
            compare(cell, trees, options)


def compare(cell: str, trees: list[Tree], options: argparse.Namespace) -> None:
    torch.manual_seed(0)
    exact = TreeRNN(cell, options.input_size, options.hidden_size).double()
    fast = copy.deepcopy(exact).float()
    forest = plant(trees)
    vectors = torch.randn(forest.leaves, options.input_size, dtype=torch.float64)

    def batched(rnn: TreeRNN) -> list[Tensor]:
        words = vectors.to(next(rnn.parameters()).dtype).requires_grad_()
        output, _ = rnn(words, plant(trees))  # the forest too is made anew in training
        return [output, *gradients(output, [words, *rnn.parameters()])]

    def recursive(rnn: TreeRNN) -> list[Tensor]:
        words = vectors.to(next(rnn.parameters()).dtype).requires_grad_()
        output = node_by_node(rnn, words, trees, forest)
        return [output, *gradients(output, [words, *rnn.parameters()])]

    difference = disagreement(batched(exact), recursive(exact))
    if not difference <= AGREEMENT:
        raise SystemExit(f"{cell}: the two differ by {difference:.1e}")
    seconds: dict[str, list[float]] = {"batched": [], "recursive": []}
    contestants: dict[str, Callable[[TreeRNN], list[Tensor]]] = {"batched": batched, "recursive": recursive}
    for _ in range(options.repeats):
        for name, run in contestants.items():
            begin = time.perf_counter()
            run(fast)
            seconds[name].append(time.perf_counter() - begin)
    ours, theirs = (statistics.median(seconds[name]) for name in contestants)
    ratio = statistics.median(b / a for a, b in zip(seconds["batched"], seconds["recursive"], strict=True))
    print(
        f"| {cell} | {len(trees)} | {len(forest):,} | {options.threads} | {len(trees) / ours:,.0f} "
        f"| {len(trees) / theirs:,.0f} | {ratio:.1f} | {difference:.0e} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
