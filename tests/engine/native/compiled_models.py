"""A model around a native RNN, and what torch.compile, torch.export and DistributedDataParallel must make of it.

Each check is called in a process of its own by test_in_torch.py.
"""

import os
import subprocess
import sys

import torch
from torch import Tensor, distributed, multiprocessing, nn
from torch.nn.parallel import DistributedDataParallel

from seqmodels import RNN, Cell

T, B, V = 6, 3, 11
LENGTHS = torch.tensor([T, 0, 4])


class Model(nn.Module):
    """Scores of the next token, by lengths, from a carried state."""

    def __init__(self, cell: str, **options) -> None:
        super().__init__()
        self.embedding = nn.Embedding(V, 5)
        self.rnn = RNN(cell, 5, 7, num_layers=2, backend="native", **options)
        self.decoder = nn.Linear(7, V)

    def forward(self, tokens: Tensor, lengths: Tensor | None = None, state=None) -> tuple[Tensor, object]:
        output, state = self.rnn(self.embedding(tokens), state, lengths)
        return self.decoder(output), state


def tokens(steps: int = T, batch: int = B) -> Tensor:
    return torch.randint(0, V, (steps, batch))


def gradients(model: nn.Module, scores: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(scores.square().sum(), list(model.parameters()))


def require_equal(found, expected) -> None:
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-12)


def whole_models() -> None:
    """Without a break in the graph: values, gradients, and a carried state."""
    for cell in ("lstm", "mut1"):
        for compiler in ("eager", "aot_eager"):
            torch._dynamo.reset()
            model, x = Model(cell).double(), tokens()
            compiled = torch.compile(model, fullgraph=True, backend=compiler)
            (expected, state), (found, carried) = model(x, LENGTHS), compiled(x, LENGTHS)
            require_equal([found, *gradients(model, found)], [expected, *gradients(model, expected)])
            require_equal([compiled(x, None, carried)[0]], [model(x, None, state)[0]])


def inductor() -> None:
    """With the compiler that people use."""
    model, x = Model("mut1").double(), tokens()
    found, expected = torch.compile(model, fullgraph=True)(x, LENGTHS)[0], model(x, LENGTHS)[0]
    require_equal([found, *gradients(model, found)], [expected, *gradients(model, expected)])


def a_state_of_any_strides() -> None:
    """The compiler is told how gradients lie."""

    def model(x: Tensor, h: Tensor) -> Tensor:
        return rnn(x, torch.tanh(h).transpose(1, 2))[0]

    rnn, h = RNN("mut1", 5, 4, backend="native").double(), torch.randn(1, 4, B).double().requires_grad_()
    x = torch.randn(T, B, 5).double()
    found, expected = (torch.autograd.grad(f(x, h).sum(), h) for f in (torch.compile(model, fullgraph=True), model))
    require_equal(found, expected)


def another_cell_than_it_was_made_with() -> None:
    """A layer's cell may be replaced."""
    rnn, x = RNN("mut1", 5, 4).double(), torch.randn(T, B, 5).double()
    rnn.layers[0].cell = RNN("mut2", 5, 4).double().cell
    require_equal([torch.compile(rnn, fullgraph=True, backend="aot_eager")(x)[0]], [rnn(x)[0]])


def other_sizes_without_another_compilation() -> None:
    """One graph serves all T and B but 1, for which torch makes others."""
    graphs = []

    def count(graph, inputs):
        graphs.append(graph)
        return graph.forward

    model = Model("mut1").double()
    compiled = torch.compile(model, fullgraph=True, dynamic=True, backend=count)
    for steps, batch in [(6, 3), (9, 4), (12, 5)]:
        given = tokens(steps, batch), torch.randint(0, steps + 1, (batch,)), torch.randn(2, batch, 7).double()
        require_equal([compiled(*given)[0]], [model(*given)[0]])
    assert len(graphs) == 1, len(graphs)


class Readout(Cell):
    """Its output has parameters too."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.W, self.out = nn.Linear(input_size + hidden_size, hidden_size), nn.Linear(hidden_size, 4)

    output_size = property(lambda self: 4)

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(self.W(torch.cat([x, h], -1)))

    def output(self, h: Tensor) -> Tensor:
        return self.out(h)


class Sorting(Cell):
    """A step that generated code can't have."""

    def step(self, x: Tensor, h: Tensor) -> Tensor:
        return torch.tanh(h.sort(-1).values + x.sum(-1, keepdim=True))


def all_that_surrounds_a_step() -> None:
    """Options, cells of other people, and several models of one class, of which each keeps its own step."""
    changes = {"layer_norm": True, "learn_initial_state": True, "zoneout": 0.1, "bidirectional": True}
    masks = {"recurrent_dropout": 0.2, "weight_dropout": 0.2, "zoneout": 0.1, "dropout": 0.1, "input_dropout": 0.1}
    rnns = [
        RNN("elman", 5, 7, backend="native"),
        RNN("elman", 5, 7, backend="native", nonlinearity="relu"),
        RNN("lstm", 5, 7, num_layers=2, backend="native", **changes).eval(),
        RNN("gru", 5, 7, num_layers=2, backend="native", **masks),
        RNN("lstm", 5, [7, 4], backend="native"),
        RNN(Readout, 5, 7, backend="native"),
        RNN(Sorting, 5, 7),
        RNN("lstm", 5, 7, backend="vendor"),
    ]
    x, reset = torch.randn(T, B, 5, dtype=torch.float64, requires_grad=True), torch.rand(T, B) < 0.3
    for rnn in rnns:
        compiled = torch.compile(rnn.double(), fullgraph=True, backend="aot_eager")
        is_kernel = rnn.backend == "vendor"  # which has neither
        given = (x, None, LENGTHS, None if is_kernel else reset, not is_kernel)
        results = []
        for each in (compiled, rnn):
            torch.manual_seed(1)
            results.append(torch.utils._pytree.tree_leaves(each(*given)))
        slopes = [torch.autograd.grad(sum(r.sin().sum() for r in result), [x, *rnn.parameters()]) for result in results]
        require_equal(*results)
        require_equal(*slopes)


def _gradients_of_a_share(rank: int, file: str) -> None:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
    torch.manual_seed(0)
    model, x, lengths = Model("mut1").double(), tokens(T, 4), torch.tensor([T, 0, 3, 5])
    expected = gradients(model, model(x, lengths)[0])
    share = slice(2 * rank, 2 * rank + 2)
    parallel = DistributedDataParallel(model)  # its hooks live as long as it
    scores, _ = parallel(x[:, share], lengths[share])
    scores.square().sum().backward()
    require_equal([2 * p.grad for p in model.parameters()], expected)  # theirs is the mean of the processes
    distributed.destroy_process_group()


def two_processes() -> None:
    """Each with half of a batch find the gradients of the whole."""
    multiprocessing.spawn(_gradients_of_a_share, (f"{os.getcwd()}/meeting",), 2)


def export_lstm() -> None:
    _export("lstm", strict=False)


def export_mut1() -> None:
    _export("mut1", strict=True)


class Scores(nn.Module):
    """The scores alone: a file can't hold a state whose form is free."""

    def __init__(self, cell: str) -> None:
        super().__init__()
        self.model = Model(cell)

    def forward(self, tokens: Tensor, lengths: Tensor) -> Tensor:
        return self.model(tokens, lengths)[0]


def _export(cell: str, strict: bool) -> None:
    """One operator a layer, for all T and B, in a file that another process runs."""
    model, x = Scores(cell).double().eval(), tokens()
    steps, batch = torch.export.Dim("T", min=2, max=1000), torch.export.Dim("B", min=1, max=100)
    shapes = {0: steps, 1: batch}, {0: batch}
    program = torch.export.export(model, (x, LENGTHS), dynamic_shapes=shapes, strict=strict)
    assert sum(node.target is torch.ops.seqmodels.loop.default for node in program.graph.nodes) == 2
    other, lengths = tokens(9, 5), torch.tensor([9, 1, 0, 3, 5])
    expected = model(other, lengths)
    require_equal([program.module()(other, lengths)], [expected])
    torch.export.save(program, "model.pt2")
    torch.save((other, lengths, expected.detach()), "expected.pt")
    code = (
        "import torch, seqmodels.engine\n"
        "x, lengths, expected = torch.load('expected.pt')\n"
        "found = torch.export.load('model.pt2').module()(x, lengths)\n"
        "torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
