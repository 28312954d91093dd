"""One valid call of every public reference function, for what must hold for all of them."""

from functools import partial

import torch
from small_networks import some_images
from torch import nn

from course_utils import (
    activation_maps,
    adversarial,
    attention,
    critique,
    gradients,
    integrated_gradients,
    smoothgrad,
)

MODULES = (
    gradients,
    smoothgrad,
    integrated_gradients,
    activation_maps,
    attention,
    adversarial,
    critique,
)


def public_functions():
    """Name -> function, without the tuples that some of them return."""
    found = {name: getattr(module, name) for module in MODULES for name in module.__all__}
    functions = {name: value for name, value in found.items() if not isinstance(value, type)}
    # A short search: what is tested for all functions does not depend on how well it ends.
    functions["minimal_perturbation"] = partial(
        adversarial.minimal_perturbation, n_searches=2, n_steps=5
    )
    return functions


class AttentiveCNN(nn.Module):
    """Every kind of state at once: batch statistics, dropout, in-place ReLU, attention."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 6, 3, padding=1, stride=2)
        self.norm = nn.BatchNorm2d(6)
        self.act = nn.ReLU(inplace=True)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.drop = nn.Dropout(0.5)
        self.classify = nn.Linear(6, 5)
        self.raises = False

    def forward(self, images):
        tokens = self.act(self.norm(self.stem(images))).flatten(2).mT
        tokens = tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0]
        if self.raises:
            raise RuntimeError("the model raises")
        return self.classify(self.drop(tokens.mean(dim=1)))


def arguments(model, images):
    """Name -> the arguments of a valid call, made from a model and two images (2, 3, 12, 8)."""
    f = gradients.class_score(model, 1)
    other = some_images(2, 3, 12, 8, dtype=images.dtype, seed=11)
    maps, mask = images[:, 0], other[:, 0] > 0.5
    labels = torch.tensor([0, 3])
    weights = other[0] - 0.5
    features = images[:, :, :6, :5]
    tokens = other.flatten(2)[:, None, :, :9].mT  # (2, 1, 9, 3)
    return {
        "class_score": (model, 1),
        "vanilla_gradient": (f, images),
        "channel_mean": (images,),
        "logistic_gradient": (weights, 0.1, images),
        "steepest_step": (f, images, 0.5),
        "noise_std": (images, 0.1),
        "noisy_copies": (images, 0.1, 3, torch.Generator().manual_seed(0)),
        "smoothgrad": (f, images, 0.1, 3, torch.Generator().manual_seed(0)),
        "gradient_along_segment": (f, images[0], images[1], 3),
        "sign_changes": (images,),
        "quadrature": (3,),
        "straight_path": (other, images, 3),
        "mean_path_gradient": (f, images, other, 3),
        "integrated_gradients": (f, images, other, 3),
        "completeness_gap": (f, images, other, other),
        "class_activation_map": (images, weights[:, 0].mT, 1),
        "record": (model, "norm", images, 1),
        "gradcam_weights": (images,),
        "gradcam": (model, "norm", images, 1),
        "upsample": (maps, (5, 7)),
        "compatibility_scores": (features, features[:, :, 0, 0]),
        "attention_map": (maps,),
        "attention_pool": (features, features[:, 0]),
        "self_attention": (tokens, tokens),
        "class_token_map": (images[:, :, :7, :7], (2, 3)),
        "attention_rollout": ([images[:, :, :7, :7]],),
        "record_attentions": (model, images),
        "loss_gradient": (model, images, labels),
        "fgsm": (model, images, labels, 0.1),
        "bim": (model, images, labels, 0.1, 0.05, 2),
        "attack_success": (model, images, labels),
        "hyperplane_perturbation": (weights, 0.1, images),
        "minimal_perturbation": (model, images, labels),
        "mass_inside": (maps, mask),
        "rank_correlation": (maps, other[:, 0]),
        "first_order_prediction": (f, images, other),
        "direction_with_cosine": (images, other, 0.5),
        "region_effect": (f, images, mask, other),
        "ascend": (f, images, 0.1, 2),
        "layers_top_down": (model,),
        "randomise_layers": (model, 2, torch.Generator().manual_seed(0)),
    }
