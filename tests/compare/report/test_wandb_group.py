import json
import os
import struct
from dataclasses import replace

import pytest

from seqmodels.compare.report import wandb_group
from seqmodels.compare.report.wandb_group import log_to_wandb


@pytest.fixture(autouse=True)
def _no_way_online(monkeypatch, tmp_path):
    for name in ("WANDB_MODE", "WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))  # no ~/.netrc
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")


@pytest.fixture(scope="module")
def small(make_study):
    return make_study(skill={"lstm": 0.0, "gru": 0.1}, seeds=2, search=1, problems=make_study().problems[:1])


def records(path):
    """Records of an offline file: 7 bytes of header, then LevelDB's log format, in blocks of 32 KiB."""
    from wandb.proto.wandb_internal_pb2 import Record

    data, position, parts = path.read_bytes(), 7, []
    assert data[:4] == b":W&B"
    while position + 7 <= len(data):
        left = 32768 - position % 32768
        if left < 7:  # no room for a header: the block ends in zeros
            position += left
            continue
        length, kind = struct.unpack("<HB", data[position + 4 : position + 7])
        parts.append(data[position + 7 : position + 7 + length])
        position += 7 + length
        if kind in (1, 4):  # whole, or the last part
            yield Record.FromString(b"".join(parts))
            parts = []


def read_runs(folder):
    """Name -> id, group, job type, config, history and summary of every offline run."""
    runs = {}
    for file in sorted(folder.glob("wandb/offline-run-*/run-*.wandb")):
        config, history, summary = {}, [], {}
        for record in records(file):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                about = record.run
                config |= {item.key: json.loads(item.value_json) for item in record.run.config.update}
            elif kind == "config":
                config |= {item.key: json.loads(item.value_json) for item in record.config.update}
            elif kind == "history":
                history.append({i.key or i.nested_key[0]: json.loads(i.value_json) for i in record.history.item})
            elif kind == "summary":
                changed = record.summary.update
                summary |= {i.key or "/".join(i.nested_key): json.loads(i.value_json) for i in changed}
        assert about.display_name not in runs
        runs[about.display_name] = (about, config, history, summary)
    return runs


@pytest.fixture(scope="module")
def logged(small, tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("WANDB_MODE", "WANDB_API_KEY"):
            patch.delenv(name, raising=False)
        patch.setenv("HOME", str(folder))
        patch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
        count = log_to_wandb(small, "project", folder)
    return folder, count, read_runs(folder)


def test_a_study_is_a_group_of_one_run_a_trial_and_the_report(small, logged):
    _, count, runs = logged
    assert set(runs) == {result.trial.key for result in small.results} | {"report"}
    assert count == len(runs) == 7
    for name, (about, *_) in runs.items():
        assert (about.project, about.run_group) == ("project", small.title)
        assert about.job_type == (name if name == "report" else name.split("/")[-1].split("-")[0])


def test_a_run_has_its_curve_its_settings_and_what_came_of_it(small, logged):
    result = small.finals("arithmetic", "gru")[1]
    _, config, history, summary = logged[2][result.trial.key]
    assert config["learning_rate"] == result.trial.settings.learning_rate
    assert (config["cell"], config["seed"], config["parameters"]) == ("gru", result.trial.seed, 100_100)
    assert [line["step"] for line in history] == [point.step for point in result.history]
    assert [line["value"] for line in history] == [point.value for point in result.history]
    assert [line["seconds"] for line in history] == [point.seconds for point in result.history]
    assert (summary["status"], summary["test"]) == ("finished", result.test)


def test_the_report_has_tables_figures_and_the_page(small, logged):
    folder, _, runs = logged
    about, config, history, summary = runs["report"]
    (line,) = [line for line in history if "page" in line]
    assert {"tables/arithmetic", "figures/scores", "figures/curves", "page"} <= set(line)
    (media,) = folder.glob(f"wandb/offline-run-*-{about.run_id}/files/media")
    (table,) = media.rglob("*.table.json")
    values = json.loads(table.read_text())
    assert [row[0] for row in values["data"]] == ["lstm", "gru"]
    assert len(list(media.rglob("*.png"))) >= 3
    assert "beats lstm" in next(iter(media.rglob("*.html"))).read_text("utf-8")
    assert config["parameters"] == 100_000
    assert summary["test/arithmetic/gru"] == pytest.approx(0.95, abs=0.05)


def test_nothing_is_logged_twice_and_what_is_new_is(small, logged, monkeypatch):
    folder, count, _ = logged
    assert log_to_wandb(small, "project", folder) == 0
    assert len(list(folder.glob("wandb/offline-run-*"))) == count
    started = []
    monkeypatch.setattr(
        wandb_group._Connection, "_init", lambda self, identity, name, kind, mode: started.append(name) or Ignore()
    )
    first, *rest = small.results
    again = replace(small, results=(replace(first, test=0.5), *rest))
    record = (folder / "wandb.json").read_bytes()
    assert log_to_wandb(again, "project", folder) == 2
    assert started == [first.trial.key, "report"]
    (folder / "wandb.json").write_bytes(record)


def test_each_project_has_a_record_of_its_own(small, tmp_path, monkeypatch):
    monkeypatch.setattr(wandb_group._Connection, "_init", lambda *_: Ignore())
    assert [log_to_wandb(small, project, tmp_path) for project in ("one", "two", "one", "two")] == [7, 7, 0, 0]


class Ignore:
    """A run that takes anything."""

    config = summary = property(lambda self: self)

    def __getattr__(self, name):
        return lambda *_, **__: None

    def __setitem__(self, name, value):
        pass


def test_a_run_that_was_cut_off_has_the_same_id_the_next_time(small, tmp_path, monkeypatch):
    ids = []

    def killed(self, identity, name, kind, mode):
        ids.append(identity)
        raise KeyboardInterrupt

    monkeypatch.setattr(wandb_group._Connection, "_init", killed)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            log_to_wandb(small, "project", tmp_path)
    assert ids[0] == ids[1]
    with pytest.raises(KeyboardInterrupt):
        log_to_wandb(small, "project", tmp_path / "other")
    assert ids[2] != ids[0]  # another study of the same title


def test_online_at_first_and_offline_once_it_fails(small, tmp_path, monkeypatch, capsys, caplog):
    modes = []

    def start(self, identity, name, kind, mode):
        modes.append(mode)
        if mode == "online" and len(modes) > 2:
            raise OSError("the network\nis gone")
        return Ignore()

    monkeypatch.setattr(wandb_group, "why_not_online", lambda: None)
    monkeypatch.setattr(wandb_group._Connection, "_init", start)
    with caplog.at_level("INFO"):
        assert log_to_wandb(small, "project", tmp_path) == 7
    assert modes == ["online"] * 3 + ["offline"] * 5
    said = caplog.text + "".join(capsys.readouterr())
    assert "the network is gone" in said
    assert "5 runs are recorded offline" in said
    assert "wandb sync" in said


def test_disabled_is_disabled(small, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    assert log_to_wandb(small, "project", tmp_path) == 0
    assert os.listdir(tmp_path) == []
