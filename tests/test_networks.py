"""The architectures: what each shows of itself is what it computes with."""

import pytest
import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from course_utils.activation_maps import class_activation_map, gradcam, upsample
from course_utils.attention import attention_map, attention_pool, compatibility_scores
from course_utils.classifiers import COURSE_NETWORKS, untrained_classifier
from course_utils.gradients import logistic_gradient, vanilla_gradient
from course_utils.networks.attention_cnn import AttentionCNN
from course_utils.networks.logistic import LogisticRegression
from course_utils.networks.pooled_cnn import PooledCNN
from course_utils.networks.vision_transformer import SelfAttention, VisionTransformer


def images(n=3, size=64):
    return torch.rand(n, 1, size, size, generator=torch.Generator().manual_seed(0)).double()


def made(network):
    """In double precision, with batch normalisation statistics as if trained."""
    generator = torch.Generator().manual_seed(1)
    for part in network.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean.uniform_(-0.2, 0.2, generator=generator)
            part.running_var.uniform_(0.5, 1.5, generator=generator)
    return network.double().eval()


def test_logistic_regression_is_the_closed_form():
    network = made(LogisticRegression(size=28))
    inputs = images(size=28)
    sigmoid = torch.sigmoid((network.weights * inputs).sum(dim=(1, 2, 3)) + network.bias)
    torch.testing.assert_close(network(inputs).softmax(dim=1)[:, 1], sigmoid)
    gradient = vanilla_gradient(lambda x: network(x).softmax(dim=1)[:, 1], inputs)
    torch.testing.assert_close(
        gradient, logistic_gradient(network.weights, network.bias, inputs), atol=1e-12, rtol=1e-9
    )


def test_pooled_cnn_is_the_case_where_cam_and_gradcam_agree():
    network = made(PooledCNN(10))
    with torch.no_grad():
        features = network.features(images())  # (N, K, 8, 8)
    assert features.shape[2:] == (8, 8)
    cam = class_activation_map(features, network.classify.weight, 4)
    expected = upsample(cam.relu(), (64, 64))
    torch.testing.assert_close(64 * gradcam(network, "features", images(), 4), expected)


def test_mean_of_the_cam_and_bias_is_the_logit():
    network = made(PooledCNN(10))
    features = network.features(images()).detach()
    cam = class_activation_map(features, network.classify.weight, 4)
    logits = cam.mean(dim=(1, 2)) + network.classify.bias[4]
    torch.testing.assert_close(network(images())[:, 4], logits)


def test_attention_at_both_depths_is_the_softmax_of_the_dot_product():
    network = made(AttentionCNN(10))
    shallow, deep = network.attend(images())
    assert shallow.attention.shape == (3, 16, 16)
    assert deep.attention.shape == (3, 8, 8)
    for depth in (shallow, deep):
        scores = compatibility_scores(depth.local_features, depth.global_feature)
        torch.testing.assert_close(depth.attention, attention_map(scores))
        pooled = attention_pool(depth.local_features, depth.attention)
        torch.testing.assert_close(depth.pooled, pooled)


def test_attention_cnn_classifies_from_what_it_attended_to_alone():
    network = made(AttentionCNN(10))
    pooled = torch.cat([depth.pooled for depth in network.attend(images())], dim=1)
    torch.testing.assert_close(network(images()), network.classify(pooled))


def test_self_attention_is_torchs():
    layer = made(SelfAttention(32, heads=4))
    tokens = images(2, 8).view(2, 2, 32)
    gathered, attention = layer(tokens)
    assert attention.shape == (2, 4, 2, 2)
    split = layer.query_key_value(tokens).view(2, 2, 3, 4, 8).permute(2, 0, 3, 1, 4)
    expected = scaled_dot_product_attention(*split).transpose(1, 2).reshape(2, 2, 32)
    torch.testing.assert_close(gathered, layer.project(expected))


def test_transformer_shows_the_attention_of_every_block():
    network = made(VisionTransformer(10, depth=3))
    attentions = network.attentions(images())
    assert [a.shape for a in attentions] == [(3, 4, 65, 65)] * 3
    for attention in attentions:
        torch.testing.assert_close(attention.sum(dim=-1), torch.ones(3, 4, 65).double())


def test_transformer_tokens_lie_row_by_row_after_the_class_token():
    # A patch's own pixels reach its own token most: the patch in row 2, column 5 is 1 + 2·8 + 5.
    network = made(VisionTransformer(10))
    assert network.grid == (8, 8)
    inputs = images(1).requires_grad_()
    patches = network.embed(network.features(inputs)).flatten(2).mT  # (1, 64, D)
    (gradient,) = torch.autograd.grad(patches[0, 2 * 8 + 5].pow(2).sum(), inputs)
    rows, columns = gradient[0, 0].abs().nonzero().double().mean(dim=0).div(8)
    assert int(rows) == 2
    assert int(columns) == 5


@pytest.mark.parametrize("name", COURSE_NETWORKS)
class TestEveryNetwork:
    def model(self, name):
        return made(untrained_classifier(name))

    def inputs(self, name):
        return images(3, 28 if name == "logistic_regression" else 64)

    def test_one_logit_for_each_category(self, name):
        model = self.model(name)
        assert model(self.inputs(name)).shape == (3, len(model.categories))

    def test_gradients_by_vmap_are_those_of_the_batch(self, name):
        model, inputs = self.model(name), self.inputs(name)
        expected = vanilla_gradient(lambda x: model(x)[:, 1], inputs)
        single = torch.func.grad(lambda image: model(image[None])[0, 1])
        torch.testing.assert_close(torch.func.vmap(single)(inputs), expected)

    def test_an_image_does_not_depend_on_its_neighbours_in_the_batch(self, name):
        model, inputs = self.model(name), self.inputs(name)
        torch.testing.assert_close(model(inputs)[:1], model(inputs[:1]))

    def test_no_relu_works_in_place(self, name):
        relus = [part for part in self.model(name).modules() if isinstance(part, nn.ReLU)]
        assert not any(relu.inplace for relu in relus)
