"""A cell is found by name, wherever it comes from; strangers' packages can break nothing but themselves."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import seqmodels
from seqmodels import RNN, Cell, get_cell, register_cell, registry
from seqmodels.errors import CellError, OptionError, UnknownCell
from seqmodels.restoring import restoring
from seqmodels.testing import check_cell

SEQUENCES = ["coupled", "elman", "gru", "lstm", "mut1", "mut2", "mut3", "peephole"]
OF_TREES = ["binary_tree_lstm", "recursive", "rntn", "tree_lstm"]
BUILT_IN = sorted([*SEQUENCES, *OF_TREES, *registry.literature_names()])
CELL = """
import torch
from torch import nn
from seqmodels import Cell

class {name}(Cell):
    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.W = nn.Linear(input_size + hidden_size, hidden_size)

    def step(self, x, h):
        return torch.tanh(self.W(torch.cat([x, h], -1)))
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Makes a package as pip leaves it: a folder of source and a .dist-info with entry points."""

    def install_package(package: str, source: str, **entry_points: str) -> None:
        site = tmp_path / "site-packages"
        (site / package).mkdir(parents=True)
        (site / package / "__init__.py").write_text(source)
        info = site / f"{package}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2\n")
        (info / "top_level.txt").write_text(f"{package}\n")
        lines = [f"{name} = {path}" for name, path in entry_points.items()]
        (info / "entry_points.txt").write_text("\n".join(["[seqmodels.cells]", *lines]))
        if str(site) not in sys.path:
            monkeypatch.syspath_prepend(str(site))
        monkeypatch.delitem(sys.modules, package, raising=False)

    before = set(sys.modules)
    yield install_package
    for name in set(sys.modules) - before:
        if name.startswith("foreign_"):
            del sys.modules[name]


def test_the_built_in_cells_are_listed():
    assert seqmodels.cells() == BUILT_IN


def test_each_built_in_is_registered_under_the_name_of_its_file(cell_name):
    assert get_cell(cell_name).__module__ == f"seqmodels.plugins.{cell_name}"
    assert registry.name_of(get_cell(cell_name)) == cell_name


def test_listing_imports_no_cell():
    program = (
        "import sys, seqmodels; seqmodels.cells(); "
        "print([name for name in sys.modules if name.startswith('seqmodels.plugins.')])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


@pytest.mark.usefixtures("own_registry")
def test_a_registered_cell_works_by_name():
    @register_cell("my-leaky_2")
    class Leaky(Cell):
        def step(self, x, h):
            return 0.9 * h + 0.1 * x

    assert "my-leaky_2" in seqmodels.cells()
    assert get_cell("my-leaky_2") is Leaky
    assert registry.name_of(Leaky) == "my-leaky_2"
    output, _ = RNN("my-leaky_2", 4, 4)(torch.ones(3, 2, 4))
    torch.testing.assert_close(output[-1], torch.full((2, 4), 1 - 0.9**3))
    check_cell("my-leaky_2", input_size=5)


def test_the_fixture_forgets_what_a_test_registered():
    assert "my-leaky_2" not in seqmodels.cells()


@pytest.mark.usefixtures("own_registry")
def test_a_name_is_registered_once(one_line):
    class First(Cell):
        pass

    class Second(Cell):
        pass

    register_cell("taken")(First)
    register_cell("taken")(First)  # a module that is loaded again
    with one_line(CellError, "'taken'", "First", "choose another"):
        register_cell("taken")(Second)
    assert get_cell("taken") is First


@pytest.mark.usefixtures("own_registry")
def test_a_built_in_is_not_replaced(one_line):
    built_in = get_cell("lstm")
    with one_line(CellError, "'lstm'", "seqmodels.plugins.lstm:LSTM", "choose another"):

        @register_cell("lstm")
        class Mine(Cell):
            pass

    assert get_cell("lstm") is built_in


def test_a_built_in_is_not_replaced_before_it_was_imported():
    program = (
        "from seqmodels import Cell, register_cell\n"
        "try: register_cell('mut3')(type('Mine', (Cell,), {}))\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.startswith("CellError")
    assert "seqmodels.plugins.mut3:MUT3" in found.stdout


@pytest.mark.usefixtures("own_registry")
@pytest.mark.parametrize("name", ["", "a b", "a:b", "a.b", "ü!"])
def test_names_are_plain(name, one_line):
    with one_line(CellError, "letters, digits, '_' and '-'"):
        register_cell(name)(type("Mine", (Cell,), {}))


@pytest.mark.usefixtures("own_registry", "_types_unchecked")
def test_the_decorator_needs_a_name(one_line):
    with one_line(CellError, "register_cell takes a name, not <class", '@register_cell("...")'):
        register_cell(type("Mine", (Cell,), {}))


@pytest.mark.usefixtures("own_registry", "_types_unchecked")
@pytest.mark.parametrize("thing", [torch.nn.LSTMCell, 3, "lstm"])
def test_only_cells_are_registered(thing, one_line):
    with one_line(CellError, "no subclass of seqmodels.Cell"):
        register_cell("thing")(thing)


def test_a_path_works_wherever_a_name_does():
    assert get_cell("seqmodels.plugins.lstm:LSTM") is get_cell("lstm")
    rnn = RNN("seqmodels.plugins.gru:GRU", 3, 5, reset="after")
    assert rnn.cell.reset == "after"
    assert registry.path_of(get_cell("gru")) == "seqmodels.plugins.gru:GRU"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("1e-3", 1e-3),
        ("true", True),
        ("False", False),
        ("null", None),
        ("[1]", [1]),
        ("NaN", "NaN"),
        ("a=b", "a=b"),
    ],
)
def test_options_behind_a_name_are_plain_values(text, value):
    assert registry.split_options(f"my.cells:Mine:option={text}") == ("my.cells:Mine", {"option": value})


@pytest.mark.parametrize(
    "cell", ["gru:reset=", "gru:=1", "gru:a=1:b", "reset=after", "gru:a=../b", "gru:a b=1", "gru:a=1:a=2"]
)
def test_what_is_no_option_is_one_line(cell, one_line):
    with one_line(OptionError, f"cell {cell!r}"):
        registry.split_options(cell)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("lstn", ("did you mean 'lstm'?", "coupled, elman, gru")),
        ("janett", ("did you mean 'janet'?", "of the literature (seqmodels cells lists them)")),
        ("zzzzzz", ("no cell named 'zzzzzz'; known: ", "package.module:Class")),
        ("", ("no cell named ''",)),
        ("no.such.module:Cell", ("ModuleNotFoundError", "no.such.module:Cell")),
        ("seqmodels.plugins.lstm:NoSuch", ("AttributeError", "NoSuch")),
    ],
)
def test_an_unknown_cell_is_one_line_with_a_suggestion(name, parts, one_line):
    with one_line(UnknownCell, *parts):
        get_cell(name)
    with one_line(UnknownCell, *parts):
        RNN(name, 3, 5)


def test_a_path_to_something_else_is_refused(one_line):
    with one_line(CellError, "torch.nn:LSTMCell is no subclass of seqmodels.Cell"):
        get_cell("torch.nn:LSTMCell")


def test_an_installed_cell_is_listed_without_an_import_and_works_by_name(install):
    install("foreign_good", CELL.format(name="Good"), good="foreign_good:Good")
    assert seqmodels.cells() == sorted([*BUILT_IN, "good"])
    assert "foreign_good" not in sys.modules
    rnn = RNN("good", 3, 5, num_layers=2, bidirectional=True, recurrent_dropout=0.1)
    output, _ = rnn(torch.randn(4, 2, 3))
    output.sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in rnn.parameters())
    check_cell("good")
    assert registry.distribution_of(get_cell("good")) == ("foreign_good", "1.2")


def test_an_installed_cell_may_also_register_itself(install, own_registry):
    source = "from seqmodels import register_cell\n" + CELL.format(name="Both").replace(
        "class Both", '@register_cell("both")\nclass Both'
    )
    install("foreign_both", source, both="foreign_both:Both")
    first = get_cell("both")
    assert get_cell("both") is first
    assert seqmodels.cells().count("both") == 1


def test_a_broken_package_breaks_only_itself(install, one_line):
    install(
        "foreign_broken",
        "raise RuntimeError('two\\nlines')",
        broken="foreign_broken:Cell",
        gone="foreign_broken.gone:Cell",
    )
    install("foreign_fine", CELL.format(name="Fine"), fine="foreign_fine:Fine")
    assert {"broken", "gone", "fine", "lstm"} <= set(seqmodels.cells())
    with one_line(UnknownCell, "cell 'broken': can't import foreign_broken:Cell: RuntimeError: two lines"):
        get_cell("broken")
    RNN("fine", 3, 5)(torch.randn(4, 2, 3))
    RNN("lstm", 3, 5)(torch.randn(4, 2, 3))


def test_a_package_that_gives_no_cell_is_refused_when_asked_for(install, one_line):
    install("foreign_strange", "class Strange: pass", strange="foreign_strange:Strange")
    with one_line(CellError, "'strange'", "foreign_strange:Strange is no subclass of seqmodels.Cell"):
        get_cell("strange")


def test_a_package_does_not_replace_a_built_in(install):
    built_in = get_cell("lstm")
    install("foreign_shadow", CELL.format(name="Shadow"), lstm="foreign_shadow:Shadow")
    assert get_cell("lstm") is built_in
    assert seqmodels.cells() == BUILT_IN
    assert get_cell("foreign_shadow:Shadow").__name__ == "Shadow"  # its path still leads to it


def test_two_packages_with_one_name_are_told_apart_by_their_paths(install, one_line):
    for package in ("foreign_one", "foreign_two"):
        install(package, CELL.format(name="Same"), same=f"{package}:Same")
    assert seqmodels.cells().count("same") == 1
    with one_line(UnknownCell, "'same'", "foreign_one:Same or foreign_two:Same"):
        get_cell("same")
    assert get_cell("foreign_two:Same").__module__ == "foreign_two"


def test_while_a_model_is_restored_only_what_is_installed_or_here_is_imported(install, one_line):
    install("foreign_installed", CELL.format(name="Good"), good="foreign_installed:Good")
    install("foreign_beside", CELL.format(name="Good"))
    with restoring():
        assert get_cell("good") is get_cell("foreign_installed:Good")
        assert get_cell("seqmodels.plugins.gru:GRU") is get_cell("gru")
        with one_line(UnknownCell, "foreign_beside:Good", "import foreign_beside before"):
            get_cell("foreign_beside:Good")
    assert "foreign_beside" not in sys.modules
    found = get_cell("foreign_beside:Good")
    with restoring():
        assert get_cell("foreign_beside:Good") is found


def test_where_a_cell_comes_from_is_known():
    assert registry.distribution_of(get_cell("lstm")) == ("seqmodels", "0.1.0")

    class Local(Cell):
        pass

    Local.__module__ = "__main__"
    assert registry.distribution_of(Local) is None
