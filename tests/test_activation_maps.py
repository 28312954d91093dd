import pytest
import torch
from captum.attr import LayerGradCam
from hypothesis import given, settings
from hypothesis import strategies as st
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from small_networks import small_cnn, some_images
from torch import nn
from torch.nn.functional import interpolate
from torchvision.models import VisionTransformer, resnet18

from course_utils.activation_maps import (
    class_activation_map,
    gradcam,
    gradcam_weights,
    record,
    upsample,
)

LAYERS = ["stem", "norm", "branch", "last"]


def vision_transformer():
    """Of torchvision, 4 × 6 patches are not possible there: it wants squares, so 4 × 4."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = VisionTransformer(32, 8, 2, 2, 16, 32, num_classes=5)
        nn.init.normal_(model.heads[0].weight)
    return model.double().eval()


def test_class_activation_map_on_paper():
    activations = torch.tensor([[[[1.0, 2.0]], [[10.0, -20.0]]]])
    weight = torch.tensor([[0.0, 0.0], [3.0, 0.5]])
    assert class_activation_map(activations, weight, 1).tolist() == [[[8.0, -4.0]]]


def test_mean_of_the_class_activation_map_is_the_logit_without_bias():
    model, images = small_cnn(), some_images(3)
    activations, _ = record(model, "last", images, 2)
    means = class_activation_map(activations, model.classify.weight, 2).mean(dim=(1, 2))
    torch.testing.assert_close(
        means + model.classify.bias[2].detach(), model(images)[:, 2].detach()
    )


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(5, 20), st.integers(5, 20))
def test_relu_of_cam_is_hw_times_gradcam_on_a_pooled_network(seed, n, height, width):
    model, images = small_cnn(1, seed=seed), some_images(n, 1, height, width, seed=seed)
    activations, gradients = record(model, "last", images, 3)
    weights = gradcam_weights(gradients)
    maps = torch.relu(torch.einsum("nk,nkhw->nhw", weights, activations))
    cam = class_activation_map(activations, model.classify.weight, 3)
    h, w = cam.shape[1:]
    torch.testing.assert_close(torch.relu(cam), h * w * maps)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("n", [1, 16])
@pytest.mark.parametrize("channels", [1, 3])
def test_gradcam_is_captums(dtype, layer, n, channels):
    model, images = small_cnn(channels, dtype), some_images(n, channels, dtype=dtype)
    peer = LayerGradCam(model, model.get_submodule(layer))
    # In-place ReLU after the layer changes what captum records: it is given an ordinary one.
    model.act.inplace = model.last.inplace = False
    maps = peer.attribute(images, target=1, relu_attributions=True).detach()
    model.act.inplace = model.last.inplace = True
    ours = gradcam(model, layer, images, 1)
    assert ours.dtype == dtype
    assert ours.max() > 0
    expected = interpolate(maps, images.shape[2:], mode="bilinear", align_corners=False)[:, 0]
    rtol = 1e-6 if dtype == torch.float64 else 1e-4
    torch.testing.assert_close(ours, expected, rtol=rtol, atol=rtol * expected.max().item())


@pytest.mark.parametrize("layer", ["layer2", "layer3.1.conv1", "layer4.0.bn2", "layer4"])
def test_gradcam_of_resnet_is_captums_and_pytorch_grad_cams(layer):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = resnet18(num_classes=7).double().eval()
    images = some_images(2, 3, 64, 96)
    ours = gradcam(model, layer, images, 3)
    captums = LayerGradCam(model, model.get_submodule(layer))
    raw = captums.attribute(images, target=3, relu_attributions=True).detach()
    assert ours.amax(dim=(1, 2)).min() > 0
    torch.testing.assert_close(ours, upsample(raw[:, 0], (64, 96)), rtol=1e-6, atol=1e-12)
    if ".bn" in layer or ".conv" in layer:
        return  # the in-place operations that follow change what pytorch-grad-cam records
    with GradCAM(model, [model.get_submodule(layer)]) as peer:
        scaled = peer(images, [ClassifierOutputTarget(3)] * 2)
    low, high = ours.amin(dim=(1, 2), keepdim=True), ours.amax(dim=(1, 2), keepdim=True)
    # It scales to [0, 1] before and after the resize, in float32.
    difference = torch.from_numpy(scaled) - (ours - low) / (high - low)
    assert difference.abs().max() < 2e-5


def test_gradcam_of_a_cnn_is_torchcams():
    cams = pytest.importorskip("torchcam.methods")
    model, images = small_cnn(), some_images(2)
    with cams.GradCAM(model, "branch") as peer:
        scores = model(images.clone().requires_grad_())
        (maps,) = peer([1, 1], scores, normalized=False)
    expected = upsample(maps.detach(), images.shape[2:])
    torch.testing.assert_close(gradcam(model, "branch", images, 1), expected, rtol=1e-6, atol=1e-12)


def test_gradients_are_those_of_the_whole_network_also_beside_a_residual_connection():
    model, images = small_cnn(), some_images(2)
    activations, gradients = record(model, "branch", images, 4)
    stem = torch.relu(model.norm(model.stem(images))).detach()
    leaf = model.branch(stem).detach().requires_grad_()
    score = model.classify(torch.relu(leaf + stem).mean(dim=(2, 3)))[:, 4]
    torch.testing.assert_close(activations, leaf.detach())
    torch.testing.assert_close(gradients, torch.autograd.grad(score.sum(), leaf)[0])


def test_inplace_relu_after_the_layer_does_not_change_the_recording():
    model, images = small_cnn(), some_images(2)
    activations, _ = record(model, "norm", images, 0)
    assert (activations < 0).any()
    torch.testing.assert_close(activations, model.norm(model.stem(images)).detach())


def test_nothing_before_the_layer_is_differentiated():
    model = small_cnn()
    outputs = []
    hook = model.stem.register_forward_hook(lambda _layer, _inputs, out: outputs.append(out))
    record(model, "branch", some_images(), 0)
    hook.remove()
    assert not outputs[0].requires_grad


def test_each_image_of_a_batch_has_weights_of_its_own():
    model, images = small_cnn(), some_images(5)
    alone = torch.cat([gradcam(model, "branch", image[None], 1) for image in images])
    torch.testing.assert_close(gradcam(model, "branch", images, 1), alone, rtol=1e-9, atol=1e-12)


def test_layer_is_given_by_its_name_or_itself():
    model, images = small_cnn(), some_images()
    assert torch.equal(gradcam(model, model.branch, images, 1), gradcam(model, "branch", images, 1))


def test_a_map_of_nothing_is_zero_not_nan():
    model = small_cnn()
    nn.init.zeros_(model.classify.weight)
    assert torch.equal(gradcam(model, "last", some_images(), 1), torch.zeros(2, 12, 9).double())


def test_gradcam_of_a_vision_transformer_is_pytorch_grad_cams_without_the_class_token():
    model, images = vision_transformer(), some_images(2, 3, 32, 32)
    layer = model.encoder.layers[1].ln_1
    ours = gradcam(model, layer, images, 2)

    def patches(tokens):
        return tokens[:, 1:].reshape(len(tokens), 4, 4, -1).permute(0, 3, 1, 2)

    with GradCAM(model, [layer], reshape_transform=patches) as peer:
        scaled = torch.from_numpy(peer(images, [ClassifierOutputTarget(2)] * 2))
    assert ours.amax(dim=(1, 2)).min() > 0
    low, high = ours.amin(dim=(1, 2), keepdim=True), ours.amax(dim=(1, 2), keepdim=True)
    assert (scaled - (ours - low) / (high - low)).abs().max() < 2e-5


def test_tokens_of_an_image_that_is_not_square_go_to_their_place():
    class Patches(nn.Module):
        def __init__(self):
            super().__init__()
            self.tokens = nn.Identity()

        def forward(self, images):
            patches = images.unfold(2, 4, 4).unfold(3, 4, 4).mean(dim=(1, 4, 5))  # (N, 2, 3)
            tokens = torch.cat([100 + 0 * images[:, 0, 0, :1], patches.flatten(1)], dim=1)
            return self.tokens(tokens[:, :, None]).sum(dim=1)  # (N, 1)

    images = torch.zeros(1, 1, 8, 12)
    images[0, 0, 4:, 8:] = 1
    found = gradcam(Patches(), "tokens", images, 0)
    assert found.shape == (1, 8, 12)
    assert found[0].argmax() >= 7 * 12 - 6
    assert found[0, 0, 0] == 0


def test_upsampling_takes_rows_first_and_does_not_align_corners():
    maps = torch.tensor([[[0.0, 1.0]]])
    assert upsample(maps, (1, 4)).tolist() == [[[0.0, 0.25, 0.75, 1.0]]]
    assert upsample(maps, (3, 2)).shape == (1, 3, 2)


def test_unknown_layers_are_refused_with_near_names():
    with pytest.raises(ValueError, match="branch"):
        record(small_cnn(), "brunch", some_images(), 0)
    with pytest.raises(ValueError, match="part of the model"):
        record(small_cnn(), nn.ReLU(), some_images(), 0)


class Odd(nn.Module):
    """Uses a layer twice, one for nothing, one not at all, and one that puts out a pair."""

    def __init__(self):
        super().__init__()
        self.twice, self.ignored, self.unused = nn.ReLU(), nn.Conv2d(3, 1, 1), nn.ReLU()
        self.pair = nn.GRU(4, 4)

    def forward(self, images):
        self.ignored(images)
        self.pair(images[:, 0, :, :4])
        return self.twice(self.twice(images).mean(dim=(2, 3)))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("twice", "used once"),
        ("ignored", "depends on"),
        ("unused", "depends on"),
        ("pair", "tuple"),
    ],
)
def test_layers_without_one_recording_are_refused_and_leave_no_hook(layer, message):
    model = Odd()
    with pytest.raises(ValueError, match=message):
        record(model, layer, some_images(dtype=torch.float32), 0)
    assert not any(part._forward_hooks for part in model.modules())
    assert torch.is_grad_enabled()
