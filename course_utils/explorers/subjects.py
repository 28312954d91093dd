"""What an explorer looks at: a photo, a scene or one's own picture, and the network that sees it."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from course_utils.classifiers import Classifier, load_classifier
from course_utils.explorers.newest import give_way
from course_utils.gradients import vanilla_gradient
from course_utils.photos import load_photo, open_photo
from course_utils.scenes import garment_scenes
from course_utils.scores import ScoreFunction, class_score, score_values

PHOTO_NETWORK, SCENE_NETWORK = "efficientnet_lite0", "garments_cnn"
PHOTOS = {
    "photo of a cat": "chelsea",
    "photo of an espresso": "coffee",
    "photo of a motorcycle": "motorcycle",
    "photo of a rocket": "rocket",
    "photo of an astronaut": "astronaut",
}
SCENES = {  # name: (how many garments, seed)
    "scene with a garment": (1, 2),
    "another scene with a garment": (1, 3),
    "scene with two garments": (2, 1),
}
GUESSES = ("most probable class", "2nd guess", "3rd guess", "4th guess", "5th guess")


class Subject(NamedTuple):
    """An image and the network that is asked about it."""

    name: str
    images: Tensor  # (1, C, H, W)
    network: Classifier
    probabilities: Tensor  # (classes,)

    def target(self, rank: int) -> int:
        """The class that is the network's guess number `rank`, 0 the most probable one."""
        return self.probabilities.argsort(descending=True, stable=True)[rank].item()

    def score(self, rank: int) -> ScoreFunction:
        """f for the guess number `rank`; each call of it gives way to newer work."""
        score = class_score(self.network, self.target(rank))

        def f(images: Tensor) -> Tensor:
            give_way()
            return score(images)

        return f

    def guess(self, rank: int) -> str:
        """The name and probability of a guess, e.g. "tabby, 0.62"."""
        return prediction(self.network, self.probabilities, self.target(rank))


def prediction(network: Classifier, probabilities: Tensor, index: int) -> str:
    """The name and probability of a class, e.g. "tabby, 0.62"."""
    return f"{network.categories[index]}, {probabilities[index]:.2f}"


def network_for(image: str | bytes) -> str:
    """The network that is asked about an image unless another one is named."""
    return SCENE_NETWORK if image in SCENES else PHOTO_NETWORK


def size_of(network: str) -> int:
    """How many pixels on each side a network is shown."""
    return 224 if network == PHOTO_NETWORK else 64


@lru_cache(maxsize=8)
def network_of_name(name: str) -> Classifier:
    """A classifier that is loaded once."""
    return load_classifier(name)


@lru_cache(maxsize=16)
def find_subject(image: str | bytes, network: str | None = None) -> Subject:
    """What is looked at, and by which network.

    Args:
        image: a key of `PHOTOS` or `SCENES`, or the content of a picture file.
        network: None takes the ImageNet network for photos, the garments network for scenes.

    Raises:
        ValueError: if there is no such picture, or the file is none.
    """
    network = network or network_for(image)
    classifier = network_of_name(network)
    images = _images(image, size_of(network))
    if network != PHOTO_NETWORK:  # all networks of scenes see in grey
        images = images.mean(dim=1, keepdim=True)
    with torch.no_grad():
        probabilities = classifier(images)[0].softmax(dim=0)
    name = "your picture" if isinstance(image, bytes) else image
    return Subject(name, images, classifier, probabilities)


def _images(image: str | bytes, size: int) -> Tensor:
    if image == b"":
        raise ValueError("there is no picture of your own yet: choose a file by the upload button.")
    if isinstance(image, bytes):
        return open_photo(image, size)
    if image in PHOTOS:
        return load_photo(PHOTOS[image], size)
    if image in SCENES:
        n_objects, seed = SCENES[image]
        return garment_scenes(1, seed, n_objects=n_objects, size=size).images
    raise ValueError(f"image must be one of {', '.join([*PHOTOS, *SCENES])}, got {image!r}.")


@lru_cache(maxsize=16)
def gradient_of(image: str | bytes, rank: int) -> Tensor:
    """The vanilla gradient of a subject's guess number `rank`, (1, C, H, W), computed once."""
    subject = find_subject(image)
    return vanilla_gradient(subject.score(rank), subject.images)


@lru_cache(maxsize=64)
def score_of(image: str | bytes, rank: int) -> float:
    """The score of a subject's guess number `rank`, computed once."""
    subject = find_subject(image)
    return score_values(subject.score(rank), subject.images).item()


def where(values: Tensor) -> str:
    """In words, where the largest magnitude of a map (H, W) lies, e.g. "at the upper left"."""
    place = values.abs().argmax().item()
    row, column = divmod(place, values.shape[1])
    vertical = ("upper", "middle", "lower")[min(3 * row // values.shape[0], 2)]
    horizontal = ("left", "centre", "right")[min(3 * column // values.shape[1], 2)]
    return f"at the {vertical} {horizontal} (row {row}, column {column})"
