"""Photographs as tensors in [0, 1]: scikit-image's own, which need no download, and one's own."""

from __future__ import annotations

import io
import os
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from pillow_heif import register_heif_opener
from torch import Tensor

from course_utils.validation import require_count

__all__ = ["PHOTOS", "Photo", "load_photo", "open_photo", "photo_names"]

MAX_PIXELS = 60_000_000  # more than phones take; a picture of that size fits in memory as RGB


class Photo(NamedTuple):
    """What is to be known of a photograph that is shown: what it shows, and whose it is."""

    alt: str
    credit: str
    licence: str
    source: str


# Every photograph lies inside scikit-image's wheel. Credit and licence are what the docstring of
# the function in skimage.data says; `source` is that function.
PHOTOS: dict[str, Photo] = {
    "chelsea": Photo(
        alt="Close-up of a ginger tabby cat's face with green eyes, looking past the camera to "
        "the right; the ears are cut off by the upper edge.",
        credit="Stéfan van der Walt",
        licence="CC0 1.0",
        source="skimage.data.chelsea",
    ),
    "coffee": Photo(
        alt="An espresso in a red cup with a white inside, on a red saucer with a small spoon, "
        "on a reddish wooden table, seen obliquely from above.",
        credit="Rachel Michetti, courtesy of Pikolo Espresso Bar",
        licence="CC0 1.0",
        source="skimage.data.coffee",
    ),
    "rocket": Photo(
        alt="A slender white rocket standing on its launch pad at dusk, between two lattice "
        "towers, with glaring floodlights along the ground and a dark blue sky.",
        credit="SpaceX (Falcon 9 carrying DSCOVR, 2015)",
        licence="public domain",
        source="skimage.data.rocket",
    ),
    "motorcycle": Photo(
        alt="A red motorcycle with a black seat, seen from its right side, parked in a garage in "
        "front of a wooden bench and a shelf full of boxes.",
        credit="N. Nesic, P. Westling, X. Wang, Y. Kitajima, G. Krathwohl and D. Scharstein, "
        "Middlebury College (Middlebury 2014 stereo data, GCPR 2014)",
        licence="no licence stated by its source: cite the paper when showing it",
        source="skimage.data.stereo_motorcycle",
    ),
    "astronaut": Photo(
        alt="Portrait of a smiling astronaut with short hair in an orange space suit, her helmet "
        "at the lower right, a flag at the left and a model of the space shuttle behind her.",
        credit="NASA (Eileen Collins)",
        licence="public domain",
        source="skimage.data.astronaut",
    ),
    "retina": Photo(
        alt="Fundus photograph of a healthy left eye: a round orange retina on black, the bright "
        "optic disc at the left with blood vessels spreading from it, the dark macula in the "
        "middle.",
        credit="Mikael Häggström",
        licence="CC0 1.0",
        source="skimage.data.retina",
    ),
    "camera": Photo(
        alt="Black-and-white photograph of a man in a dark coat bending to look through a camera "
        "on a tripod, on a lawn with a low skyline behind.",
        credit="Lav Varshney",
        licence="CC0 1.0",
        source="skimage.data.camera",
    ),
}


def photo_names() -> list[str]:
    """The names that `load_photo` knows."""
    return list(PHOTOS)


def load_photo(name: str, size: int | tuple[int, int] = 224) -> Tensor:
    """One of scikit-image's photographs, resized and cropped at its centre.

    Args:
        name: one of `photo_names()`; `PHOTOS[name]` holds its alt text, credit and licence.
        size: the side of a square, or (H, W), in pixels.

    Returns:
        (1, 3, H, W), float32, RGB in [0, 1]. The largest centred part of the photograph with that
        shape, resized by an antialiasing bicubic filter. The same on every call.

    Raises:
        TypeError, ValueError: if there is no such photograph, or `size` is no size.
    """
    if not isinstance(name, str) or name not in PHOTOS:
        raise ValueError(f"name must be one of {', '.join(PHOTOS)}, got {name!r}.")
    shape = _height_and_width(size)
    import skimage.data  # here, because most of what imports this module never opens a photograph

    pixels = getattr(skimage.data, PHOTOS[name].source.rpartition(".")[-1])()
    left = pixels[0] if isinstance(pixels, tuple) else pixels  # the motorcycle is a stereo pair
    return _to_tensor(Image.fromarray(left).convert("RGB"), shape)


def open_photo(file: str | os.PathLike | bytes, size: int | tuple[int, int] = 224) -> Tensor:
    """A picture of one's own, as `load_photo` returns them.

    It is turned as its camera says (EXIF), transparency is laid on white, grey pictures get three
    equal channels, and of an animation the first frame is taken.

    Args:
        file: a path, or the content of a file (such as an upload widget's) as bytes. Any format
            that Pillow reads: JPEG, PNG, WebP, GIF, TIFF, BMP, ...; and a phone's HEIC.
        size: the side of a square, or (H, W), in pixels.

    Returns:
        (1, 3, H, W), float32, RGB in [0, 1].

    Raises:
        TypeError: if `file` is neither a path nor bytes.
        ValueError: if it cannot be read as a picture, has more than 60 million pixels, or holds
            numbers whose white is not known (32-bit floats).
    """
    shape = _height_and_width(size)
    name, stream = _stream(file)
    register_heif_opener()
    try:
        with warnings.catch_warnings():
            # Pillow only warns from 90 million pixels on: a picture that large is refused below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            picture = Image.open(stream)
        width, height = picture.size
        if width * height <= MAX_PIXELS:
            picture.load()
            picture = ImageOps.exif_transpose(picture)
    except Image.DecompressionBombError:
        raise ValueError(_too_large(name)) from None
    except UnidentifiedImageError:  # whose own words name an address in memory
        raise ValueError(
            f"file must be a picture that can be read (JPEG, PNG, ...), got {name}, which is none."
        ) from None
    except Exception as error:  # a broken file raises a dozen types, by format and by damage
        raise ValueError(
            f"file must be a picture that can be read (JPEG, PNG, ...), got {name}: {error}"
        ) from None
    if width * height > MAX_PIXELS:
        raise ValueError(_too_large(name))
    return _to_tensor(_to_rgb(picture, name), shape)


def _stream(file: str | os.PathLike | bytes) -> tuple[str, io.BytesIO | Path]:
    """How an error calls the file, and what Pillow opens."""
    if isinstance(file, (bytes, bytearray, memoryview)):
        content = bytes(file)
        return f"{len(content)} bytes", io.BytesIO(content)
    if isinstance(file, (str, os.PathLike)):
        return repr(str(file)), Path(file)
    raise TypeError(f"file must be a path or bytes, got {type(file).__name__}.")


def _too_large(name: str) -> str:
    return f"file must have at most {MAX_PIXELS:,} pixels, got more in {name}."


def _to_rgb(picture: Image.Image, name: str) -> Image.Image:
    """8-bit RGB on white."""
    if picture.mode.startswith("I"):
        grey = np.asarray(picture)
        if grey.min() >= 0 and grey.max() < 2**16:
            # 16-bit grey, which Pillow's own conversion would clip at 255 instead of scaling
            picture = Image.fromarray(np.rint(grey / 257).astype(np.uint8))
    if picture.mode.startswith(("I", "F")):
        raise ValueError(
            f"file must hold 8 or 16 bits a channel, got mode {picture.mode} in {name}."
        )
    if picture.mode in ("LA", "PA", "La", "RGBA", "RGBa") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def _height_and_width(size: int | tuple[int, int]) -> tuple[int, int]:
    if isinstance(size, (tuple, list)) and len(size) == 2:
        height, width = size
    else:
        height = width = size
    require_count(height, "size")
    require_count(width, "size")
    return int(height), int(width)


def _to_tensor(picture: Image.Image, shape: tuple[int, int]) -> Tensor:
    height, width = shape
    fitted = ImageOps.fit(picture, (width, height), method=Image.Resampling.BICUBIC)
    pixels = torch.from_numpy(np.array(fitted))  # (H, W, 3), uint8
    return pixels.permute(2, 0, 1)[None].float().contiguous() / 255  # (1, 3, H, W)
