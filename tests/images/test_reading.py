"""Pictures from files: every kind comes out as upright RGB, everything else is one line."""

import os

import numpy as np
import pytest
from PIL import Image

from seqmodels.errors import DataError, OptionError
from seqmodels.images import decode_image, read_image

RED, GRAY, WHITE = (255, 0, 0), (128, 128, 128), (255, 255, 255)


def saved(path, image, **options):
    image.save(path, **options)
    return path


def jpeg(folder):
    """A picture with so much in it that cutting the file loses pixels."""
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    return saved(folder / "noise.jpg", Image.fromarray(pixels))


@pytest.mark.parametrize(
    ("name", "image", "expected"),
    [
        ("rgb.png", Image.new("RGB", (4, 3), RED), RED),
        ("gray.png", Image.new("L", (4, 3), 128), GRAY),
        ("gray.jpg", Image.new("L", (4, 3), 128), GRAY),
        ("one_bit.png", Image.new("1", (4, 3), 1), WHITE),
        ("palette.png", Image.new("RGB", (4, 3), RED).convert("P"), RED),
        ("palette.gif", Image.new("RGB", (4, 3), RED).convert("P"), RED),
        ("cmyk.tiff", Image.new("CMYK", (4, 3), (0, 255, 255, 0)), RED),
        ("sixteen.png", Image.new("I;16", (4, 3), 128 * 257), GRAY),
        ("sixteen.tiff", Image.new("I;16", (4, 3), 65535), WHITE),
        ("opaque.png", Image.new("RGBA", (4, 3), (*RED, 255)), RED),
        ("clear.png", Image.new("RGBA", (4, 3), (*RED, 0)), WHITE),
        ("half.png", Image.new("RGBA", (4, 3), (0, 0, 0, 127)), GRAY),
        ("clear_gray.png", Image.new("LA", (4, 3), (0, 0)), WHITE),
        ("red.webp", Image.new("RGB", (4, 3), RED), RED),
        ("red.bmp", Image.new("RGB", (4, 3), RED), RED),
        ("red.ppm", Image.new("RGB", (4, 3), RED), RED),
        ("sixteen.pgm", Image.new("I", (4, 3), 128 * 257), GRAY),
    ],
)
def test_every_kind_of_picture_becomes_rgb(tmp_path, name, image, expected):
    options = {"lossless": True} if name.endswith("webp") else {}
    found = read_image(saved(tmp_path / name, image, **options))
    assert found.mode == "RGB"
    assert found.size == (4, 3)
    assert set(found.get_flattened_data()) == {expected}


def test_a_cmyk_jpeg_has_the_colours_it_was_saved_with(tmp_path):
    found = read_image(saved(tmp_path / "cmyk.jpg", Image.new("CMYK", (8, 8), (0, 255, 255, 0)), quality=100))
    red, green, blue = found.getpixel((4, 4))
    assert red > 240
    assert max(green, blue) < 15


def test_a_transparent_palette_colour_is_laid_on_white(tmp_path):
    image = Image.new("P", (2, 1), 0)
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    found = read_image(saved(tmp_path / "icon.png", image, transparency=0))
    assert list(found.get_flattened_data()) == [WHITE, (0, 0, 255)]


def test_an_animation_gives_its_first_frame(tmp_path):
    frames = [Image.new("RGB", (4, 3), colour) for colour in ("red", "lime", "blue")]
    path = saved(tmp_path / "film.gif", frames[0], save_all=True, append_images=frames[1:])
    assert set(read_image(path).get_flattened_data()) == {RED}


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_exif_orientation_is_applied_once(tmp_path, orientation):
    """The upright picture is gray but for its white corner at the top left."""
    upright = np.zeros((2, 3, 3), np.uint8)
    upright[0, 0] = 255
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: upright.transpose(1, 0, 2)[::-1],
        7: upright.transpose(1, 0, 2)[::-1, ::-1],
        8: upright.transpose(1, 0, 2)[:, ::-1],
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = saved(tmp_path / "turned.png", Image.fromarray(np.ascontiguousarray(stored)), exif=exif)
    found = read_image(path)
    assert np.array_equal(np.asarray(found), upright)
    assert not found.getexif()


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "is empty; replace it"),
        (b"nothing of the kind", "is no picture; replace it"),
        (b"<!DOCTYPE html><html><body>404</body></html>", "is a web page (HTML), not a picture; download"),
        (b"\xef\xbb\xbf\n <HTML><title>Moved</title>", "is a web page (HTML)"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "is no picture"),
        (b"\x89PNG\r\n\x1a\n", "replace it by a whole picture"),
        (b"\xff\xd8\xff\xe0", "replace it by a whole picture"),
    ],
)
def test_what_is_no_picture_is_one_line(tmp_path, one_line, content, part):
    path = tmp_path / "photo.jpg"
    path.write_bytes(content)
    with one_line(DataError, str(path), part):
        read_image(path)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_a_truncated_picture_is_one_line(tmp_path, one_line, format):
    path = tmp_path / "photo"
    with Image.open(jpeg(tmp_path)) as image:
        image.save(path, format=format)
    assert read_image(path).size == (64, 64)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with one_line(DataError, str(path), "replace it by a whole picture"):
        read_image(path)


def test_a_picture_inside_another_file_is_decoded_likewise(tmp_path, one_line):
    content = jpeg(tmp_path).read_bytes()
    assert np.array_equal(np.asarray(decode_image(content, "a")), np.asarray(read_image(jpeg(tmp_path))))
    for bad, part in [(b"", "is empty"), (b"<html>", "is a web page"), (content[:900], "can't be decoded")]:
        with one_line(DataError, "train.parquet, row 7", part):
            decode_image(bad, "train.parquet, row 7")
    with one_line(DataError, "row 7", "above max_pixels=9"):
        decode_image(content, "row 7", max_pixels=9)


def test_missing_files_folders_and_pipes_are_one_line(tmp_path, one_line):
    with one_line(DataError, str(tmp_path / "no.jpg"), "no such file"):
        read_image(tmp_path / "no.jpg")
    with one_line(DataError, str(tmp_path), "is a folder"):
        read_image(tmp_path)
    os.mkfifo(tmp_path / "pipe.jpg")
    with one_line(DataError, "pipe.jpg", "no regular file"):
        read_image(tmp_path / "pipe.jpg")
    with one_line(DataError, "can't be opened"):
        read_image("a\0b.jpg")


def test_a_picture_above_max_pixels_is_refused_before_it_is_decoded(tmp_path, one_line):
    """The file has the head of 10000 x 10000 pixels and none of them; so it would fail otherwise if decoded."""
    path = saved(tmp_path / "large.ppm", Image.new("RGB", (1, 1)))
    path.write_bytes(b"P6\n10000 10000\n255\n")
    with one_line(DataError, str(path), "has 100000000 pixels, above max_pixels=89000000"):
        read_image(path)
    path.write_bytes(b"P6\n100000 100000\n255\n")
    with one_line(DataError, str(path), "has more than 178956970 pixels"):
        read_image(path)


def test_max_pixels_is_the_most_that_is_read(tmp_path, one_line):
    path = saved(tmp_path / "small.png", Image.new("RGB", (4, 3)))
    assert read_image(path, max_pixels=12).size == (4, 3)
    with one_line(DataError, "has 12 pixels, above max_pixels=11"):
        read_image(path, max_pixels=11)


@pytest.mark.parametrize("max_pixels", [0, -1, 10**9])
def test_max_pixels_out_of_range_is_one_line(tmp_path, one_line, max_pixels):
    with one_line(OptionError, "max_pixels must be from 1 to"):
        read_image(tmp_path / "any.png", max_pixels=max_pixels)


@pytest.mark.parametrize("image", [Image.new("F", (4, 3), 0.5), Image.new("I", (4, 3), 70000)])
def test_pixels_of_unknown_range_are_refused(tmp_path, one_line, image):
    path = saved(tmp_path / "depth.tiff", image)
    with one_line(DataError, str(path), "range isn't known"):
        read_image(path)
