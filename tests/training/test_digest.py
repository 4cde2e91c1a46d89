import argparse
import collections
import enum
import pathlib

import numpy as np
import pytest
import torch

from seqmodels.errors import CheckpointError
from seqmodels.training.digest import check_storable, digest, first_difference


class Own:
    pass


class Colour(enum.Enum):
    red = 1


class OwnDict(dict):
    pass


@pytest.mark.parametrize(
    ("value", "fix"),
    [
        (argparse.Namespace(a=1), "store vars(value)"),
        (pathlib.Path("data"), "store str(value)"),
        (np.float64(0.5), "store value.item()"),
        (np.int32(3), "store value.item()"),
        (np.zeros(2), "store torch.from_numpy(value)"),
        (Own(), "store plain values instead"),
        (Own, "store plain values instead"),
        (Colour.red, "store plain values instead"),
        (OwnDict(a=1), "store plain values instead"),
        (collections.defaultdict(list), "store plain values instead"),
        (len, "store plain values instead"),
        (torch.zeros(2, 2).to_sparse(), "store value.to_dense()"),
        (torch.empty(2, device="meta"), "store value.to_dense()"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_could_not_be_read_back_is_refused_by_name(value, fix):
    checkpoint = {"state_dict": {"w": torch.ones(2)}, "hyper_parameters": {"layers": [1, {"it": value}]}}
    with pytest.raises(CheckpointError) as caught:
        check_storable(checkpoint, "last.ckpt")
    message = str(caught.value)
    assert message.startswith("last.ckpt: can't save hyper_parameters['layers'][1]['it'], a ")
    assert fix in message
    assert "\n" not in message


def test_a_bad_key_is_refused():
    with pytest.raises(CheckpointError, match=r"a key of callbacks, a type"):
        check_storable({"callbacks": {Own: 1}}, "last.ckpt")


def test_all_plain_values_are_storable_and_keep_their_digest_through_a_file(tmp_path):
    checkpoint = {
        "plain": [None, True, 3, 2**80, 0.1, float("nan"), 1j, "text\ud800", b"\0\xff", bytearray(b"x"), (1, (2,))],
        "sets": {1, "a"},
        "torch": [torch.float16, torch.device("cpu"), torch.Size([2, 3])],
        "dicts": [collections.OrderedDict(a=1), collections.Counter("aab"), {1: 2, None: 3, (1, 2): 4}],
        "tensors": [
            torch.tensor(3),
            torch.zeros(0, 3),
            torch.randn(4, 3).T,
            torch.randn(3, dtype=torch.complex64).conj(),
            torch.ones(2, dtype=torch.bool),
            torch.randn(3).bfloat16(),
            torch.nn.Parameter(torch.randn(2)),
            torch.arange(9, dtype=torch.uint8)[2:5],
        ],
    }
    check_storable(checkpoint, "file")
    torch.save(checkpoint, tmp_path / "file")
    read = torch.load(tmp_path / "file", weights_only=True)
    assert digest(read) == digest(checkpoint)
    assert first_difference(read, digest(checkpoint)) is None


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda c: c["optimizer"][0]["m"].__setitem__(1, 5.0), "tensor optimizer[0]['m']"),
        (lambda c: c["optimizer"][0].update(m=c["optimizer"][0]["m"].double()), "tensor optimizer[0]['m']"),
        (lambda c: c["optimizer"][0].update(m=c["optimizer"][0]["m"].view(2, 1)), "tensor optimizer[0]['m']"),
        (lambda c: c["optimizer"][0].pop("m"), "tensor optimizer[0]['m']"),
        (lambda c: c["optimizer"][0].update(v=torch.zeros(1)), "a value that is not a tensor"),
        (lambda c: c.update(step=8), "a value that is not a tensor"),
        (lambda c: c.update(step=7.0), "a value that is not a tensor"),
        (lambda c: c.update(names=("a", "b")), "a value that is not a tensor"),
    ],
)
def test_every_change_is_found_and_named(change, named):
    checkpoint = {"optimizer": [{"m": torch.tensor([1.0, 2.0])}], "step": 7, "names": ["a", "b"]}
    expected = digest(checkpoint)
    assert first_difference(checkpoint, expected) is None
    change(checkpoint)
    assert first_difference(checkpoint, expected) == named


@pytest.mark.parametrize("expected", [None, [], {}, {"tensors": 3}])
def test_a_damaged_record_of_digests_is_found(expected):
    assert first_difference({"step": 1}, expected) == "the record of digests"
