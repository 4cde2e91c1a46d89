"""The search: what it keeps, what it writes down, and that neither interruptions nor timing change its course."""

import inspect
import json
import math
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from seqmodels import get_cell
from seqmodels.compare.search import Candidate, CellGraph, Evaluation, Search, SearchOptions, best_so_far, standings
from seqmodels.compare.workers import Outcome
from seqmodels.errors import DataError, OptionError
from seqmodels.files.folder_lock import FolderLock

OPTIONS = SearchOptions(candidates=15, population=4, children=5, settings=1, max_settings=3, mutation_rate=0.3, seed=3)


class Pool:
    """Workers that run a job when they are asked for its outcome, in an order drawn at random."""

    def __init__(self, capacity: int = 1, seed: int = 0, stop_after: int | None = None) -> None:
        self.capacity, self.random = capacity, np.random.default_rng(seed)
        self.stop_after = math.inf if stop_after is None else stop_after
        self.jobs: list[tuple] = []
        self.keys: list[str] = []
        self.ended: list[str] = []

    def submit(self, key, function, *arguments) -> None:
        assert len(self.jobs) < self.capacity
        self.keys.append(key)
        self.jobs.append((key, function, arguments))

    def wait(self, timeout=None) -> Outcome:
        if self.stop_after == 0:
            raise KeyboardInterrupt
        self.stop_after -= 1
        key, function, arguments = self.jobs.pop(int(self.random.integers(len(self.jobs))))
        self.ended.append(key)
        return Outcome(key, function(*arguments))

    def cancel(self, keys) -> None:
        self.jobs = [job for job in self.jobs if job[0] not in keys]

    def close(self) -> None:
        pass


class Judge:
    """Trains nothing: scores a cell by the operations in its graph."""

    def __call__(self, cell: str, problem: str, setting: int) -> Evaluation:
        step = inspect.getsource(get_cell(cell).step)
        if problem == "memorisation":
            return Evaluation(1.0 if "sigmoid" in step else 0.5, 1.0, "finished")
        if step.count("relu") > 3:
            return Evaluation(math.nan, 1.0, "diverged", "the loss is not finite")
        wanted = {"arithmetic": "tanh", "xml": "*"}[problem]
        return Evaluation(0.5 + 0.05 * step.count(wanted) + 0.001 * setting, 2.0, "finished")


def search(folder: Path, pool: Pool | None = None, options: SearchOptions = OPTIONS) -> Search:
    made = Search(folder, options)
    made.run(pool or Pool(), Judge())
    return made


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Search:
    return search(tmp_path_factory.mktemp("done"))


def files(folder: Path) -> dict[str, str]:
    """What must be the same whatever the workers; the order in which trainings ended need not be."""
    found = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.*") if path.is_file()}
    found["evaluations.jsonl"] = "\n".join(sorted(found["evaluations.jsonl"].split("\n")))
    return found


def test_it_finds_better_cells_than_it_starts_with(tmp_path):
    done = search(tmp_path, options=replace(OPTIONS, candidates=60, children=10, population=8, mutation_rate=0.2))
    assert done.best.score > 1.05
    assert done.best.generation > 2
    points = best_so_far(done.history)
    assert [score for _, score in points] == sorted(score for _, score in points)
    assert points[-1][1] == next(iter(standings(done.history).values()))


def test_the_history_counts_what_was_trained(done):
    trained = [line for line in done.history if line.was_trained and line.generation > 0]
    assert len(trained) == OPTIONS.candidates
    assert [line.number for line in done.history] == list(range(1, len(done.history) + 1))
    assert {line.outcome for line in done.history} >= {"evaluated", "invalid"}
    *whole, last = Counter(line.generation for line in trained).values()
    assert set(whole) == {OPTIONS.children}
    assert last <= OPTIONS.children
    assert any(line.revisits for line in done.history)


def test_architectures_are_trained_once(done):
    signs = [line.fingerprint for line in done.history if line.graph is not None and line.outcome != "duplicate"]
    assert len(signs) == len(set(signs))


def test_scores_are_the_least_share_of_the_baseline(done):
    baseline = done.history[1]
    assert (baseline.origin, baseline.score, len(baseline.scores["xml"])) == ("gru", 1, OPTIONS.max_settings)
    for line in done.history:
        if line.outcome == "evaluated" and line.revisits is None:
            assert line.score == min(max(line.scores[p]) / max(baseline.scores[p]) for p in OPTIONS.problems)


def test_another_setting_can_only_raise_a_score(done):
    for line in done.history:
        if line.revisits is not None:
            before = [other for other in done.history[: line.number - 1] if other.architecture == line.revisits]
            assert line.first_setting == len(before)
            assert line.score >= before[-1].score
            assert line.graph is None


def test_candidates_leave_early(tmp_path):
    class Strict(Judge):
        def __call__(self, cell, problem, setting):
            number = int(cell[-4:])
            if number <= 2:
                return Evaluation(0.8, 1.0, "finished")
            weak = {"memorisation": number % 5 == 0, "arithmetic": number % 5 == 1, "xml": number % 5 == 2}[problem]
            if number % 5 == 3:
                return Evaluation(math.nan, 1.0, "diverged", "a loss is NaN")
            if number % 5 == 4 and problem == "xml":
                raise KeyError("xml")
            return Evaluation(0.1 if weak else 0.99, 1.0, "finished")

    class Careful(Pool):
        def wait(self, timeout=None):
            key, function, arguments = self.jobs.pop()
            try:
                return Outcome(key, function(*arguments))
            except KeyError:
                return Outcome(key, error="the worker was killed 3 times", died=True)

    made = Search(tmp_path, OPTIONS)
    pool = Careful()
    made.run(pool, Strict())
    expected = {0: "not memorising", 1: "weak on arithmetic", 2: "evaluated", 3: "diverged", 4: "failed"}
    reached = {0: 1, 1: 2, 2: 3, 3: 1, 4: 3}
    new = [line for line in made.history if line.was_trained and line.revisits is None and line.generation]
    assert {line.number % 5 for line in new} == set(expected)
    for line in new:
        assert line.outcome == expected[line.number % 5]
        assert len(line.scores) == reached[line.number % 5]
        if line.outcome == "failed":
            assert line.error == "the worker was killed 3 times"
    assert len(pool.keys) == len(set(pool.keys))


@pytest.mark.parametrize("seed", range(2))
def test_workers_and_their_timing_change_nothing(done, tmp_path, seed):
    search(tmp_path, Pool(capacity=3, seed=seed))
    assert files(tmp_path) == files(done.folder)


@pytest.mark.parametrize(("every", "capacity"), [(1, 1), (4, 3)])
def test_an_interrupted_search_goes_on_as_if_nothing_had_happened(done, tmp_path, every, capacity):
    keys, finished = [], False
    for attempt in range(200):
        pool = Pool(capacity, seed=attempt, stop_after=every)
        try:
            search(tmp_path, pool)
            finished = True
        except KeyboardInterrupt:
            assert pool.jobs == []  # what still ran was given up
        keys += pool.ended
        if finished:
            break
    assert files(tmp_path) == files(done.folder)
    assert len(keys) == len(set(keys))  # no training that ended was repeated


def test_a_search_that_is_done_does_nothing(done):
    pool = Pool()
    again = Search(done.folder, OPTIONS)
    assert again.run(pool, Judge()) == done.history
    assert Search(done.folder).options == OPTIONS
    assert pool.keys == []


def test_a_search_can_be_made_longer(done, tmp_path):
    search(tmp_path, options=replace(OPTIONS, candidates=13))
    search(tmp_path)
    assert files(tmp_path) == files(done.folder)


@pytest.mark.usefixtures("done")  # in the same process
def test_a_search_trains_its_own_cells_wherever_another_one_has_trained_before(tmp_path):
    class Sure(Judge):
        def __call__(self, cell, problem, setting):
            made = get_cell(cell)
            file = tmp_path / "cells" / f"candidate_{made.__name__[-4:]}.py"
            assert inspect.getsource(made) in file.read_text()
            return super().__call__(cell, problem, setting)

    Search(tmp_path, replace(OPTIONS, seed=OPTIONS.seed + 1)).run(Pool(), Sure())


def test_a_search_that_another_process_runs_is_refused_and_left_as_it_is(done, tmp_path, one_line):
    longer = Search(shutil.copytree(done.folder, tmp_path / "copy"), replace(OPTIONS, candidates=99))
    with FolderLock(longer.folder, "runs this search"), one_line(DataError, "another process runs this search"):
        longer.run(Pool(), Judge())
    assert files(longer.folder) == files(done.folder)


def test_what_another_process_has_trained_since_is_not_trained_again(done, tmp_path):
    waiting, pool = Search(tmp_path, OPTIONS), Pool()
    search(tmp_path)
    assert waiting.run(pool, Judge()) == done.history
    assert pool.keys == []
    assert files(tmp_path) == files(done.folder)


def test_lines_come_back_as_they_were(done):
    for line in done.history:
        back = Candidate.from_dict(json.loads(json.dumps(line.to_dict())))
        assert back == line
        if line.graph is not None:
            assert isinstance(back.graph, CellGraph)
            assert [node.name for node in back.graph.nodes] == [node.name for node in line.graph.nodes]
    odd = Evaluation(math.nan, 1.5, "diverged", "why")
    assert math.isnan(Evaluation.from_dict(json.loads(json.dumps(odd.to_dict()))).score)


def test_the_best_cell_tells_where_it_comes_from(done):
    text = (done.folder / "best" / "evolved.py").read_text()
    number, score = next(iter(standings(done.history).items()))
    assert "class Evolved(Cell):" in text
    assert f"number {number}" in text
    assert f"{score:.4f}" in " ".join(text.split())


def test_another_search_in_the_same_folder_is_refused(done, one_line):
    with one_line(OptionError, "population", "4", "another folder"):
        Search(done.folder, replace(OPTIONS, population=5))


def test_a_baseline_without_a_score_is_an_error(tmp_path, one_line):
    class Hopeless(Judge):
        def __call__(self, cell, problem, setting):
            return Evaluation(math.nan, 1.0, "failed", "no such problem")

    with one_line(OptionError, "gru", "arithmetic", "no such problem"):
        Search(tmp_path, OPTIONS).run(Pool(), Hopeless())


@pytest.mark.parametrize(
    "wrong",
    [
        {"problems": ()},
        {"problems": ("xml", "xml")},
        {"children": 0},
        {"gate": 1.5},
        {"mutation_rate": 0.0},
        {"seed": -1},
        {"settings": 2, "max_settings": 1},
        {"seeds": ("gru", "unheard")},
        {"seeds": ("lstm",)},
        {"filter_problem": "xml"},
    ],
    ids=str,
)
def test_options_out_of_range_are_errors(wrong, one_line):
    with one_line(OptionError, "search: "):
        SearchOptions(**wrong)
