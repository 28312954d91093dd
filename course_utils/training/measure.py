"""What a model card states, measured on fresh pictures that no training has seen."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_utils.activation_maps import gradcam, upsample
from course_utils.attention import attention_rollout, class_token_map
from course_utils.classifiers import Classifier
from course_utils.critique import mass_inside
from course_utils.integrated_gradients import integrated_gradients
from course_utils.networks.attention_cnn import AttentionCNN
from course_utils.networks.pooled_cnn import PooledCNN
from course_utils.networks.vision_transformer import VisionTransformer
from course_utils.scenes import GarmentScenes
from course_utils.scores import class_score

IMAGES_AT_ONCE = 250


@torch.no_grad()
def predictions(model: nn.Module, images: Tensor) -> Tensor:
    """The class with the highest logit, (N,)."""
    return torch.cat([model(part).argmax(dim=1) for part in images.split(IMAGES_AT_ONCE)])


def accuracy(model: nn.Module, images: Tensor, labels: Tensor) -> float:
    """The share of images that the model classifies as labelled."""
    return (predictions(model, images) == labels).double().mean().item()


def confusion(model: Classifier, images: Tensor, labels: Tensor) -> Tensor:
    """How often the class of the row is taken for that of the column, (classes, classes)."""
    n_classes = len(model.categories)
    pairs = labels * n_classes + predictions(model, images)
    return torch.bincount(pairs, minlength=n_classes**2).view(n_classes, n_classes)


def energy_inside(model: Classifier, images: Tensor, labels: Tensor, masks: Tensor) -> dict:
    """The mean share of each kind of map's magnitude inside the mask, for the labelled class.

    Args:
        model: one of the course's networks.
        images, labels, masks: (N, 1, H, W), (N,), (N, H, W).

    Returns:
        The kind of map -> its mean share. Maps that are zero everywhere count as a share of 0.
    """
    return {
        kind: torch.nan_to_num(mass_inside(maps, masks)).mean().item()
        for kind, maps in saliency_maps(model, images, labels).items()
    }


def saliency_maps(model: Classifier, images: Tensor, labels: Tensor) -> dict[str, Tensor]:
    """The kinds of map that the network offers, (N, H, W) each."""
    network, size = model.network, images.shape[-2:]
    maps = {"integrated gradients": by_class(images, labels, integrated(model))}
    if isinstance(network, PooledCNN | AttentionCNN):
        maps["Grad-CAM"] = by_class(images, labels, last_gradcam(model))
    with torch.no_grad():
        inputs = model.normalise(images)
        if isinstance(network, AttentionCNN):
            shallow, deep = network.attend(inputs)
            maps["attention, shallow"] = upsample(shallow.attention, size)
            maps["attention, deep"] = upsample(deep.attention, size)
        if isinstance(network, VisionTransformer):
            attentions = network.attentions(inputs)
            rollout = attention_rollout(attentions)[:, None]  # (N, one "head", T, T)
            rolled = class_token_map(rollout, network.grid)
            maps["attention rollout"] = upsample(rolled, size)
            for number, attention in enumerate(attentions, start=1):
                row = class_token_map(attention, network.grid)
                maps[f"class token's attention, block {number}"] = upsample(row, size)
    return maps


def by_class(images: Tensor, labels: Tensor, make: Callable[[Tensor, int], Tensor]) -> Tensor:
    """make(images, class) for the images of each class, put together again in order."""
    maps = images.new_zeros(len(images), *images.shape[-2:])
    for label in labels.unique().tolist():
        maps[labels == label] = make(images[labels == label], label)
    return maps


def integrated(model: Classifier) -> Callable[[Tensor, int], Tensor]:
    """Integrated gradients from black, 32 steps, magnitudes."""
    return lambda images, label: integrated_gradients(
        class_score(model, label), images, torch.zeros_like(images), n_steps=32
    ).abs()[:, 0]


def last_gradcam(model: Classifier) -> Callable[[Tensor, int], Tensor]:
    """Grad-CAM at the end of the convolutions."""
    return lambda images, label: gradcam(model, "network.features.last", images, label)


def own_object_rate(model: Classifier, scenes: GarmentScenes) -> float:
    """The share of two-object scenes in which Grad-CAM of each class falls on its own object.

    It falls on an object if more of the map's magnitude lies on that object than on the other.
    """
    on_own = []
    for this, other in ((0, 1), (1, 0)):
        maps = by_class(scenes.images, scenes.labels[:, this], last_gradcam(model))
        own, wrong = (mass_inside(maps, scenes.masks[:, k]) for k in (this, other))
        on_own.append(own > wrong)
    return torch.stack(on_own).all(dim=0).double().mean().item()
