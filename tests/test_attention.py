import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import some_images
from torch import nn
from torchvision.models import VisionTransformer

from course_utils.attention import (
    attention_map,
    attention_pool,
    attention_rollout,
    class_token_map,
    compatibility_scores,
    record_attentions,
    self_attention,
)

SEEDS = st.integers(0, 10_000)


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def some_attention(n=2, heads=3, tokens=7, seed=0):
    return normal(n, heads, tokens, tokens, seed=seed).softmax(dim=-1)


def vision_transformer():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return VisionTransformer(24, 8, 3, 2, 16, 32, num_classes=5).double().eval()


def test_compatibility_scores_on_paper():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, -4.0]]]])  # (1, 2, 1, 2)
    assert compatibility_scores(features, torch.tensor([[10.0, 1.0]])).tolist() == [[[13.0, 16.0]]]


def test_attention_map_on_paper():
    scores = torch.tensor([[[0.0, 0.0], [0.0, torch.log(torch.tensor(5.0))]]])
    expected = torch.tensor([[[0.125, 0.125], [0.125, 0.625]]])
    torch.testing.assert_close(attention_map(scores), expected)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 16), st.integers(1, 6), st.integers(1, 6))
def test_attention_is_positive_and_sums_to_one_over_the_positions_of_each_image(seed, n, h, w):
    attention = attention_map(5 * normal(n, h, w, seed=seed))
    assert (attention > 0).all()
    torch.testing.assert_close(attention.sum(dim=(1, 2)), torch.ones(n, dtype=torch.float64))


def test_scores_of_a_thousand_do_not_overflow():
    assert attention_map(torch.tensor([[[1000.0, -1000.0]]])).tolist() == [[[1.0, 0.0]]]


def test_pooling_with_uniform_attention_is_the_mean_and_with_one_position_that_feature():
    features = normal(2, 4, 3, 5)
    uniform = torch.full((2, 3, 5), 1 / 15, dtype=torch.float64)
    torch.testing.assert_close(attention_pool(features, uniform), features.mean(dim=(2, 3)))
    one = torch.zeros(2, 3, 5).double()
    one[:, 2, 1] = 1
    torch.testing.assert_close(attention_pool(features, one), features[:, :, 2, 1])


def test_self_attention_is_torchs_scaled_dot_product_attention():
    queries, keys = normal(2, 3, 5, 4), normal(2, 3, 5, 4, seed=1)
    values = torch.eye(5).double().expand(2, 3, 5, 5)
    expected = nn.functional.scaled_dot_product_attention(queries, keys, values)
    torch.testing.assert_close(self_attention(queries, keys), expected)


def test_rows_not_columns_of_self_attention_sum_to_one():
    rows = self_attention(normal(2, 3, 5, 4), normal(2, 3, 5, 4, seed=1)).sum(dim=-1)
    torch.testing.assert_close(rows, torch.ones_like(rows))


def test_class_token_map_is_the_row_of_the_class_token_averaged_over_heads():
    attention = torch.zeros(1, 2, 7, 7)
    attention[0, 0, 0, 1:] = torch.arange(6.0)
    attention[0, 1, 0, 1:] = 10.0
    attention[0, :, 1:, 0] = 99.0  # its column: what the patches take from it
    expected = [[[5.0, 5.5, 6.0], [6.5, 7.0, 7.5]]]
    assert class_token_map(attention, (2, 3)).tolist() == expected
    assert class_token_map(attention.mean(dim=1), (2, 3)).tolist() == expected


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.integers(1, 4))
def test_rollout_of_rows_that_sum_to_one_has_rows_that_sum_to_one(seed, layers):
    rollout = attention_rollout([some_attention(seed=seed + i) for i in range(layers)])
    torch.testing.assert_close(rollout.sum(dim=-1), torch.ones(2, 7, dtype=torch.float64))


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_permuting_the_tokens_permutes_the_rollout(seed):
    attentions = [some_attention(seed=seed + i) for i in range(3)]
    order = torch.randperm(7, generator=torch.Generator().manual_seed(seed))
    permuted = attention_rollout([a[:, :, order][..., order] for a in attentions])
    torch.testing.assert_close(permuted, attention_rollout(attentions)[:, order][..., order])


def test_rollout_of_identities_is_the_identity_and_of_uniform_ones_keeps_the_residual():
    identity = torch.eye(4).double().expand(1, 2, 4, 4)
    torch.testing.assert_close(attention_rollout([identity] * 5)[0], torch.eye(4).double())
    uniform = torch.full((1, 2, 4, 4), 0.25, dtype=torch.float64)
    # ((U + I) / 2)² = 3/4 U + 1/4 I, because U U = U.
    expected = 0.75 * uniform[:, 0] + 0.25 * torch.eye(4).double()
    torch.testing.assert_close(attention_rollout([uniform] * 2), expected)


def test_rollout_multiplies_later_layers_from_the_left():
    first, last = some_attention(seed=1), some_attention(seed=2)
    a, b = ((x.mean(dim=1) + torch.eye(7).double()) / 2 for x in (first, last))
    torch.testing.assert_close(attention_rollout([first, last]), b @ a)
    assert not torch.allclose(attention_rollout([first, last]), a @ b)


def test_rollout_renormalises_rows_that_do_not_sum_to_one():
    rollout = attention_rollout([3 * some_attention()])
    torch.testing.assert_close(rollout.sum(dim=-1), torch.ones(2, 7, dtype=torch.float64))


def test_recorded_attention_is_what_torchvisions_transformer_computes():
    model, images = vision_transformer(), some_images(2, 3, 24, 24)
    attentions = record_attentions(model, images)
    assert [a.shape for a in attentions] == [(2, 2, 10, 10)] * 3

    layer = model.encoder.layers[2]
    taken = []
    hook = layer.ln_1.register_forward_hook(lambda _layer, _inputs, out: taken.append(out))
    model(images)
    hook.remove()
    weight, bias = layer.self_attention.in_proj_weight, layer.self_attention.in_proj_bias
    projected = (taken[0] @ weight.T + bias).view(2, 10, 3, 2, 8).permute(2, 0, 3, 1, 4)
    torch.testing.assert_close(attentions[2], self_attention(projected[0], projected[1]))


def test_recording_takes_the_masks_that_a_model_gives_by_position():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention = nn.MultiheadAttention(3, 1, batch_first=True)

        def forward(self, images):
            tokens = images.flatten(2).mT  # (N, T, 3)
            padding = torch.zeros(tokens.shape[:2], dtype=torch.bool)
            padding[:, 1] = True
            return self.attention(tokens, tokens, tokens, padding, False)[0]

    (attention,) = record_attentions(Masked().double(), some_images(2, 3, 2, 2))
    assert attention.shape == (2, 1, 4, 4)
    assert attention[..., 1].abs().max() == 0


def test_a_network_without_attention_is_refused():
    with pytest.raises(ValueError, match="MultiheadAttention"):
        record_attentions(nn.Conv2d(3, 2, 1).double(), some_images())
