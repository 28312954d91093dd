"""Attention as a saliency map, in CNNs and transformers: section 2.3 of the lecture notes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import torch
from torch import Tensor, nn
from torch.nn.functional import softmax

from course_utils.scores import evaluation_mode
from course_utils.validation import (
    require_count,
    require_images,
    require_model,
    require_same_shape,
    require_tensor,
)

__all__ = [
    "attention_map",
    "attention_pool",
    "attention_rollout",
    "class_token_map",
    "compatibility_scores",
    "record_attentions",
    "self_attention",
]


# What nn.MultiheadAttention takes after query, key and value, in order.
OPTIONS = ("key_padding_mask", "need_weights", "attn_mask", "average_attn_weights", "is_causal")


def compatibility_scores(local_features: Tensor, global_feature: Tensor) -> Tensor:
    r"""How well each location fits the whole image, c_hw = l_hw · g, a dot product over channels.

    Args:
        local_features: l, (N, K, h, w).
        global_feature: g, (N, K).

    Returns:
        c: (N, h, w), any real numbers.

    Raises:
        TypeError, ValueError: if a shape or type is another one.

    Source: lecture notes, section 2.3; Jetley et al., "Learn to pay attention", ICLR 2018.
    """
    require_tensor(local_features, "local_features", "(N, K, h, w)")
    require_tensor(global_feature, "global_feature", "(N, K)")
    if global_feature.shape != local_features.shape[:2]:
        raise ValueError(
            f"global_feature must have shape {tuple(local_features.shape[:2])}, as many images and "
            f"channels as local_features, got {tuple(global_feature.shape)}."
        )
    global_feature = global_feature.detach().to(local_features)
    return torch.einsum("nkhw,nk->nhw", local_features.detach(), global_feature)


def attention_map(scores: Tensor) -> Tensor:
    r"""Attention, the softmax of the scores over all positions, a_hw = exp c_hw / Σ exp c.

    Args:
        scores: c, (N, h, w).

    Returns:
        a: (N, h, w), positive, summing to 1 for each image.

    Raises:
        TypeError, ValueError: if `scores` is not a finite floating-point tensor (N, h, w).

    Source: lecture notes, section 2.3; Jetley et al., "Learn to pay attention", ICLR 2018.
    """
    require_tensor(scores, "scores", "(N, h, w)")
    return softmax(scores.detach().flatten(1), dim=1).view(scores.shape)


def attention_pool(local_features: Tensor, attention: Tensor) -> Tensor:
    r"""What was attended to, the mean of the local features under the attention, Σ_hw a_hw l_hw.

    Args:
        local_features: l, (N, K, h, w).
        attention: a, (N, h, w), summing to 1 for each image, as from `attention_map`.

    Returns:
        (N, K).

    Raises:
        TypeError, ValueError: if a shape or type is another one.

    Source: lecture notes, section 2.3 ("a trained weight image which is multiplied onto a feature
    image"); Jetley et al., "Learn to pay attention", ICLR 2018.
    """
    require_tensor(local_features, "local_features", "(N, K, h, w)")
    require_tensor(attention, "attention", "(N, h, w)")
    if attention.shape != local_features[:, 0].shape:
        raise ValueError(
            f"attention must have shape {tuple(local_features[:, 0].shape)}, one weight for each "
            f"position of local_features, got {tuple(attention.shape)}."
        )
    attention = attention.detach().to(local_features)
    return torch.einsum("nkhw,nhw->nk", local_features.detach(), attention)


def self_attention(queries: Tensor, keys: Tensor) -> Tensor:
    r"""How much each token takes from each other one, A = softmax(Q Kᵀ / √d), for each head.

    Args:
        queries, keys: Q and K, (N, heads, T, d) each.

    Returns:
        A: (N, heads, T, T); row i holds what token i takes from each token, and sums to 1.

    Raises:
        TypeError, ValueError: if the shapes differ or a type is another one.

    Source: lecture notes, section 2.3; Vaswani et al., "Attention is all you need", NeurIPS 2017,
    equation 1.
    """
    require_tensor(queries, "queries", "(N, heads, T, d)")
    require_tensor(keys, "keys", "(N, heads, T, d)")
    require_same_shape(queries, keys, "queries", "keys")
    queries, keys = queries.detach(), keys.detach().to(queries)
    scores = queries @ keys.mT / queries.shape[-1] ** 0.5  # (N, heads, T, T)
    return softmax(scores, dim=-1)


def class_token_map(attention: Tensor, grid: tuple[int, int]) -> Tensor:
    r"""What the class token takes from each patch: its row, averaged over the heads, as a map.

    Args:
        attention: (N, heads, T, T) of one layer, or (N, T, T), as from `attention_rollout`. Token
            0 is the class token, token 1 + row · w + column the patch at (row, column).
        grid: (h, w), how many patches there are, so that T = 1 + h · w.

    Returns:
        (N, h, w). It sums to 1 less what the class token takes from itself.

    Raises:
        TypeError, ValueError: if a shape or type is another one.

    Source: lecture notes, section 2.3; Dosovitskiy et al., "An image is worth 16x16 words",
    ICLR 2021.
    """
    with_heads = isinstance(attention, Tensor) and attention.ndim == 4
    require_tensor(attention, "attention", "(N, heads, T, T)" if with_heads else "(N, T, T)")
    h, w = grid
    require_count(h, "h")
    require_count(w, "w")
    n_tokens = 1 + h * w
    if attention.shape[-2:] != (n_tokens, n_tokens):
        raise ValueError(
            f"attention must be between T = 1 + {h} · {w} = {n_tokens} tokens, "
            f"got shape {tuple(attention.shape)}."
        )
    attention = attention.detach()
    if with_heads:
        attention = attention.mean(dim=1)  # (N, T, T)
    return attention[:, 0, 1:].unflatten(1, (h, w))


def attention_rollout(attentions: Sequence[Tensor]) -> Tensor:
    r"""Attention through all layers, R = Ã_L ⋯ Ã_2 Ã_1.

    Ã = (A + I) / 2, with A the mean over the heads and I for the residual connection around it,
    and each row divided by its sum.

    Args:
        attentions: A of each layer, (N, heads, T, T) each, the first layer first; each row says
            what a token takes from the others.

    Returns:
        R: (N, T, T); row i says what token i of the last layer takes from each token that goes
        into the first one. Rows sum to 1.

    Raises:
        TypeError, ValueError: if there is no layer, or the shapes differ.

    Source: Abnar and Zuidema, "Quantifying attention flow in transformers", ACL 2020, section 3.
    """
    attentions = list(attentions)
    if not attentions:
        raise ValueError("attentions must hold the attention of at least one layer, got none.")
    for attention in attentions:
        require_tensor(attention, "attentions", "(N, heads, T, T)")
        if attention.shape[2] != attention.shape[3]:
            raise ValueError(f"attentions must be square, got shape {tuple(attention.shape)}.")
        require_same_shape(
            attention[:, 0], attentions[0][:, 0], "attentions of a layer", "of the first"
        )
    identity = torch.eye(attentions[0].shape[-1]).to(attentions[0])  # (T, T)
    rollout = identity
    for attention in attentions:
        mixed = (attention.detach().mean(dim=1) + identity) / 2  # (N, T, T)
        mixed = mixed / mixed.sum(dim=-1, keepdim=True)
        rollout = mixed @ rollout
    return rollout


def record_attentions(model: nn.Module, images: Tensor) -> list[Tensor]:
    r"""The attention matrices of every `nn.MultiheadAttention` in a model, in order of use.

    Torchvision's `VisionTransformer` does not ask its layers for their attention. The hooks that
    ask for it here are gone afterwards, also when the model raises.

    Args:
        model: a network of images (N, C, H, W), evaluated as in use.
        images: (N, C, H, W), values in [0, 1].

    Returns:
        A of each layer, (N, heads, T, T) each; rows sum to 1.

    Raises:
        TypeError, ValueError: if the model uses no `nn.MultiheadAttention`, or an argument has
            another type.
    """
    require_model(model)
    require_images(images)
    attentions: list[Tensor] = []

    def ask(_layer: nn.Module, inputs: tuple, options: dict) -> tuple[tuple, dict]:
        # By name, because an argument may not be given both by its place and by its name.
        by_name = dict(zip(OPTIONS, inputs[3:], strict=False)) | options
        return inputs[:3], by_name | {"need_weights": True, "average_attn_weights": False}

    def keep(_layer: nn.Module, _inputs: tuple, output: tuple[Tensor, Tensor]) -> None:
        attentions.append(output[1].detach())

    with ExitStack() as hooks, evaluation_mode(model), torch.no_grad():
        for layer in model.modules():
            if isinstance(layer, nn.MultiheadAttention):
                hooks.callback(layer.register_forward_pre_hook(ask, with_kwargs=True).remove)
                hooks.callback(layer.register_forward_hook(keep).remove)
        model(images.detach())
    if not attentions:
        raise ValueError(
            f"model must use torch.nn.MultiheadAttention, got {type(model).__name__}, which does "
            "not: ask the model itself for its attention."
        )
    return attentions
