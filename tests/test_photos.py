"""Photographs: what comes out is what was photographed, in [0, 1], whatever the file."""

import io
import subprocess
import sys

import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image
from pillow_heif import register_heif_opener

from course_utils.photos import MAX_PIXELS, PHOTOS, load_photo, open_photo, photo_names

register_heif_opener()


def encoded(picture: Image.Image, format: str = "PNG", **options) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, format, **options)
    return stream.getvalue()


def red_above_blue(width: int = 60, height: int = 60) -> Image.Image:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[: height // 2] = (255, 0, 0)
    pixels[height // 2 :] = (0, 0, 255)
    return Image.fromarray(pixels)


def pixel(photo: torch.Tensor, row: int, column: int) -> list[float]:
    return photo[0, :, row, column].tolist()


@pytest.mark.parametrize("name", photo_names())
def test_every_photo_is_a_batch_of_one_rgb_image_in_the_unit_range(name):
    photo = load_photo(name)
    assert photo.shape == (1, 3, 224, 224)
    assert photo.dtype == torch.float32
    assert photo.is_contiguous()
    assert photo.min() >= 0
    assert photo.max() <= 1
    assert photo.std() > 0.1, "a photograph has contrast"
    assert torch.equal(photo, load_photo(name))


@pytest.mark.parametrize("name", photo_names())
def test_every_photo_says_what_it_shows_and_whose_it_is(name):
    photo = PHOTOS[name]
    assert len(photo.alt.split()) >= 15
    assert photo.credit
    assert photo.licence
    assert hasattr(skimage.data, photo.source.removeprefix("skimage.data."))


@pytest.mark.parametrize(
    ("name", "in_docstring"),
    [
        ("chelsea", "CC0 by the photographer (Stefan van der Walt)"),
        ("coffee", "CC0 by the photographer (Rachel Michetti)"),
        ("camera", "CC0 by the photographer (Lav Varshney)"),
        ("rocket", "released in the public domain"),
        ("astronaut", "released into the public domain"),
        ("retina", "Creative Commons CC0 1.0"),
    ],
)
def test_the_licence_is_the_one_that_scikit_image_documents(name, in_docstring):
    function = PHOTOS[name].source.removeprefix("skimage.data.")
    documented = " ".join(getattr(skimage.data, function).__doc__.split())
    assert in_docstring in documented
    assert PHOTOS[name].licence == ("public domain" if "public" in in_docstring else "CC0 1.0")


def test_photos_need_no_network():
    program = (
        "import socket\n"
        "def refuse(*args, **kwargs): raise OSError('network used')\n"
        "socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse\n"
        "from course_utils.photos import load_photo, photo_names\n"
        "print(sum(load_photo(name, 8).shape[0] for name in photo_names()))\n"
    )
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.stdout.strip() == str(len(PHOTOS)), run.stderr


def test_the_crop_is_centred_and_keeps_proportions():
    whole = torch.from_numpy(skimage.data.chelsea()) / 255  # (300, 451, 3)
    photo = load_photo("chelsea", 300)
    start = (451 - 300) // 2
    centre = whole[:, start : start + 300].permute(2, 0, 1)[None]
    # 75.5 pixels lie on either side: the crop is half a pixel away from a whole number of them.
    assert (photo - centre).abs().mean() < 0.02
    assert (photo - centre.flip(-1)).abs().mean() > 0.05


def test_a_size_is_height_then_width():
    assert load_photo("coffee", (40, 90)).shape == (1, 3, 40, 90)


def test_shrinking_averages_instead_of_picking_pixels():
    stripes = np.zeros((400, 400), np.uint8)
    stripes[:, ::2] = 255
    photo = open_photo(encoded(Image.fromarray(stripes)), 40)
    assert photo[..., 2:-2].sub(0.5).abs().max() < 0.02


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("JPEG", {"quality": 95}),
        ("BMP", {}),
        ("TIFF", {}),
        ("GIF", {}),
        ("WEBP", {}),
        ("HEIF", {"quality": 95}),
    ],
)
def test_every_common_format_gives_the_same_picture(format, options):
    photo = open_photo(encoded(red_above_blue(), format, **options), 30)
    assert pixel(photo, 5, 15) == pytest.approx([1, 0, 0], abs=0.03)
    assert pixel(photo, 25, 15) == pytest.approx([0, 0, 1], abs=0.03)


def test_a_path_and_its_bytes_give_the_same_picture(tmp_path):
    path = tmp_path / "picture.png"
    path.write_bytes(encoded(red_above_blue(80, 50)))
    for file in (path, str(path)):
        assert torch.equal(open_photo(file, 32), open_photo(path.read_bytes(), 32))
    assert torch.equal(open_photo(path, 32), open_photo(memoryview(path.read_bytes()), 32))


@pytest.mark.parametrize("format", ["PNG", "HEIF"])
def test_a_picture_is_turned_as_its_camera_says(format):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise: the upper half comes to the right
    photo = open_photo(encoded(red_above_blue(), format, exif=exif.tobytes()), 30)
    assert pixel(photo, 15, 25) == pytest.approx([1, 0, 0], abs=0.03)
    assert pixel(photo, 15, 5) == pytest.approx([0, 0, 1], abs=0.03)


def test_transparency_is_laid_on_white():
    half = Image.new("RGBA", (20, 20), (0, 0, 0, 128))
    assert pixel(open_photo(encoded(half), 4), 2, 2) == pytest.approx([127 / 255] * 3, abs=0.005)
    clear = Image.new("LA", (20, 20), (0, 0))
    assert pixel(open_photo(encoded(clear), 4), 2, 2) == [1, 1, 1]


def test_a_transparent_palette_colour_is_laid_on_white():
    palette = red_above_blue().quantize(2)
    index_of_red = palette.getpixel((5, 5))
    photo = open_photo(encoded(palette, transparency=index_of_red), 30)
    assert pixel(photo, 5, 15) == [1, 1, 1]
    assert pixel(photo, 25, 15) == [0, 0, 1]


@pytest.mark.parametrize("bits", [8, 16])
def test_grey_pictures_keep_their_grey_at_8_and_16_bits(bits):
    dtype = {8: np.uint8, 16: np.uint16}[bits]
    grey = np.full((20, 20), round(0.25 * (2**bits - 1)), dtype)
    photo = open_photo(encoded(Image.fromarray(grey)), 4)
    assert pixel(photo, 2, 2) == pytest.approx([0.25] * 3, abs=0.003)


def test_black_and_white_and_cmyk_pictures_open():
    assert pixel(open_photo(encoded(Image.new("1", (9, 9), 1)), 4), 2, 2) == [1, 1, 1]
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    assert pixel(open_photo(encoded(cyan, "JPEG"), 4), 2, 2) == pytest.approx([0, 1, 1], abs=0.02)


def test_a_single_pixel_and_a_ribbon_open():
    for size in [(1, 1), (2000, 1), (1, 2000)]:
        photo = open_photo(encoded(Image.new("RGB", size, "red")), 16)
        assert pixel(photo, 8, 8) == pytest.approx([1, 0, 0])


def test_of_an_animation_the_first_frame_is_taken():
    frames = [Image.new("RGB", (9, 9), colour) for colour in ("red", "blue")]
    moving = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert pixel(open_photo(moving, 4), 2, 2) == [1, 0, 0]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a picture",
        encoded(red_above_blue())[:100],
        encoded(red_above_blue(), "JPEG")[:300],
        encoded(red_above_blue(), "HEIF")[:400],
    ],
    ids=["empty", "text", "cut PNG", "cut JPEG", "cut HEIC"],
)
def test_a_broken_file_is_refused_in_one_sentence(content):
    with pytest.raises(ValueError, match="file must be a picture that can be read") as caught:
        open_photo(content)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"missing\.png"):
        open_photo(tmp_path / "missing.png")


@pytest.mark.parametrize(
    "side", [8000, 10_000, 14_000], ids=["ours", "Pillow warns", "Pillow errs"]
)
def test_a_decompression_bomb_is_refused_without_being_unpacked(side, recwarn):
    assert side**2 > MAX_PIXELS
    bomb = encoded(Image.new("1", (side, side)))
    assert len(bomb) < 100_000
    with pytest.raises(ValueError, match="at most 60,000,000 pixels"):
        open_photo(bomb)
    assert not recwarn.list


def test_floats_are_refused_because_their_white_is_unknown():
    floats = encoded(Image.fromarray(np.full((9, 9), 0.5, np.float32)), "TIFF")
    with pytest.raises(ValueError, match="8 or 16 bits"):
        open_photo(floats)


@pytest.mark.parametrize("name", ["Chelsea", "lena", "", None, 3])
def test_an_unknown_photo_is_refused_with_the_known_names(name):
    with pytest.raises(ValueError, match="chelsea, coffee"):
        load_photo(name)


@pytest.mark.parametrize("size", [0, -3, (224, 0)])
def test_an_empty_size_is_refused(size):
    with pytest.raises(ValueError, match="size must be at least 1"):
        load_photo("chelsea", size)


@pytest.mark.parametrize("size", [2.5, "224", (1, 2, 3), None, True])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(TypeError, match="size must be a whole number"):
        load_photo("chelsea", size)


@pytest.mark.parametrize("file", [None, 3, ["picture.png"]])
def test_what_is_no_file_is_refused(file):
    with pytest.raises(TypeError, match="path or bytes"):
        open_photo(file)
