import foolbox
import pytest
import torch
import torchattacks
from hypothesis import given, settings
from hypothesis import strategies as st
from small_networks import small_cnn, some_images, trained_cnn
from torch import nn
from torch.nn.functional import cross_entropy

from course_utils.adversarial import (
    attack_success,
    bim,
    fgsm,
    hyperplane_perturbation,
    loss_gradient,
    minimal_perturbation,
)
from course_utils.garments import load_garments

LABELS = torch.tensor([0, 3, 1, 4, 2])


def linear(weights, bias=0.0):
    """Two classes, the logits 0 and w·I + b."""
    model = nn.Sequential(nn.Flatten(), nn.Linear(weights.numel(), 2)).to(weights.dtype)
    with torch.no_grad():
        model[1].weight.copy_(torch.stack([torch.zeros_like(weights), weights]).flatten(1))
        model[1].bias.copy_(torch.tensor([0.0, bias]))
    return model.eval()


def norms(vectors):
    return torch.linalg.vector_norm(vectors, dim=(1, 2, 3))


def test_loss_gradient_on_paper():
    weights = torch.tensor([[[1.0, -2.0]]], dtype=torch.float64)
    images = torch.tensor([[[[0.5, 0.25]]]], dtype=torch.float64)  # the logits are equal: p = 1/2
    gradient = loss_gradient(linear(weights), images, torch.tensor([1]))
    torch.testing.assert_close(gradient, -0.5 * weights[None])


def test_loss_gradient_of_an_image_does_not_depend_on_its_batch():
    model, images = small_cnn(), some_images(5)
    alone = [
        loss_gradient(model, image[None], label[None])
        for image, label in zip(images, LABELS, strict=True)
    ]
    together = loss_gradient(model, images, LABELS)
    torch.testing.assert_close(together, torch.cat(alone), rtol=1e-9, atol=1e-12)


def test_attacks_of_a_linear_model_are_steps_along_the_sign_of_its_weights():
    weights = torch.tensor([[[1.0, -3.0, 0.0]]], dtype=torch.float64)
    images = torch.tensor([[[[0.5, 0.5, 0.5]]], [[[0.95, 0.02, 0.3]]]], dtype=torch.float64)
    model, true = linear(weights), torch.zeros(2, dtype=torch.long)
    sign = weights.sign()
    expected = (images + 0.1 * sign).clamp(0, 1)  # sign(0) = 0: the third pixel stays
    torch.testing.assert_close(fgsm(model, images, true, 0.1), expected)
    torch.testing.assert_close(
        fgsm(model, images, true, 0.1, targeted=True), (images - 0.1 * sign).clamp(0, 1)
    )
    torch.testing.assert_close(
        bim(model, images, true, 1.0, 0.03, 5), (images + 0.15 * sign).clamp(0, 1)
    )
    torch.testing.assert_close(bim(model, images, true, 0.1, 0.03, 5), expected)


@pytest.mark.parametrize("targeted", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_fgsm_and_bim_are_torchattackss(targeted, channels, capsys):
    model, images = small_cnn(channels), some_images(5, channels)
    attacks = [
        (fgsm(model, images, LABELS, 0.03, targeted), torchattacks.FGSM(model, eps=0.03)),
        (
            bim(model, images, LABELS, 0.03, 0.007, 7, targeted),
            torchattacks.BIM(model, eps=0.03, alpha=0.007, steps=7),
        ),
    ]
    for ours, peer in attacks:
        if targeted:
            peer.set_mode_targeted_by_function(lambda _images, labels: labels)
        torch.testing.assert_close(ours, peer(images, LABELS), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("targeted", [False, True])
def test_bim_is_foolboxs(targeted):
    model, images = small_cnn(), some_images(5)
    criterion = (
        foolbox.criteria.TargetedMisclassification(LABELS)
        if targeted
        else foolbox.criteria.Misclassification(LABELS)
    )
    attack = foolbox.attacks.LinfBasicIterativeAttack(
        abs_stepsize=0.007, steps=7, random_start=False
    )
    peer, _, _ = attack(
        foolbox.PyTorchModel(model, bounds=(0, 1)), images, criterion, epsilons=0.03
    )
    ours = bim(model, images, LABELS, 0.03, 0.007, 7, targeted)
    torch.testing.assert_close(ours, peer, rtol=1e-6, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from([torch.float32, torch.float64]),
    st.integers(1, 16),
    st.floats(0, 1.5),
    st.floats(0, 0.5),
    st.booleans(),
    st.integers(0, 1000),
)
def test_ball_and_box_hold_without_tolerance(dtype, n, eps, alpha, targeted, seed):
    model = small_cnn(1, dtype)
    images = some_images(n, 1, 6, 5, dtype=dtype, seed=seed)
    labels = torch.arange(n) % 5
    for attacked in (
        fgsm(model, images, labels, eps, targeted),
        bim(model, images, labels, eps, alpha, 3, targeted),
    ):
        assert attacked.dtype == dtype
        assert ((attacked - images).abs() <= eps).all()
        assert attacked.min() >= 0
        assert attacked.max() <= 1


@pytest.mark.parametrize("targeted", [False, True])
def test_attacks_move_the_loss_the_way_that_they_should(targeted):
    model, images = small_cnn(), some_images(5)

    def loss(images):
        return cross_entropy(model(images), LABELS, reduction="none").detach()

    change = loss(bim(model, images, LABELS, 0.1, 0.01, 10, targeted)) - loss(images)
    assert ((change < 0) if targeted else (change > 0)).all()


def test_bim_takes_the_gradient_where_it_is_and_not_at_the_first_image():
    model, images = small_cnn(), some_images(5)
    once = fgsm(model, images, LABELS, 0.02)
    second = (once + 0.02 * loss_gradient(model, once, LABELS).sign()).clamp(0, 1)
    torch.testing.assert_close(bim(model, images, LABELS, 1.0, 0.02, 2), second)


def test_early_stop_leaves_an_image_at_its_first_success():
    model, images = small_cnn(), some_images(8)
    labels = model(images).argmax(dim=1)
    labels[0] = (labels[0] + 1) % 5  # misclassified from the start
    stopped = bim(model, images, labels, 0.5, 0.01, 60, early_stop=True)
    assert torch.equal(stopped[0], images[0])
    arrived = attack_success(model, images, labels)  # those that have stopped so far
    for n_steps in range(1, 61):
        way = bim(model, images, labels, 0.5, 0.01, n_steps)
        arriving = attack_success(model, way, labels) & ~arrived
        torch.testing.assert_close(stopped[arriving], way[arriving])
        arrived = arrived | arriving
    assert arrived.sum() > 3
    assert torch.equal(arrived, attack_success(model, stopped, labels))


def test_success_is_another_class_or_the_target():
    weights = torch.tensor([[[1.0]]])
    model, images = linear(weights, -0.5), torch.tensor([0.2, 0.9]).view(2, 1, 1, 1)
    zeros = torch.zeros(2, dtype=torch.long)
    assert attack_success(model, images, zeros).tolist() == [False, True]
    assert attack_success(model, images, zeros, targeted=True).tolist() == [True, False]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-2, 2))
def test_hyperplane_step_lands_on_the_boundary_at_a_right_angle(seed, bias):
    generator = torch.Generator().manual_seed(seed)
    weights = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    images = some_images(3, 2, 3, 4, seed=seed)
    r = hyperplane_perturbation(weights, bias, images)
    logits = (weights * images).sum(dim=(1, 2, 3)) + bias
    landed = (weights * (images + r)).sum(dim=(1, 2, 3)) + bias
    torch.testing.assert_close(landed, torch.zeros_like(landed), rtol=0, atol=1e-12)
    torch.testing.assert_close(norms(r), logits.abs() / weights.norm())
    with pytest.raises(ValueError, match="zero"):
        hyperplane_perturbation(0 * weights, bias, images)


def test_minimal_perturbation_of_a_linear_model_is_the_step_over_its_boundary():
    weights = torch.tensor([[[0.5, -1.0], [2.0, 0.3]]], dtype=torch.float64)
    model, images = linear(weights, -0.8), 0.4 + 0.2 * some_images(6, 1, 2, 2)
    targets = 1 - model(images).argmax(dim=1)
    r, success = minimal_perturbation(model, images, targets)
    expected = hyperplane_perturbation(weights, -0.8, images)
    assert success.all()
    assert (norms(r) >= norms(expected)).all()
    torch.testing.assert_close(r, expected, rtol=1e-2, atol=1e-3)


def test_minimal_perturbation_meets_the_box_where_the_straight_step_leaves_it():
    weights = torch.tensor([[[3.0, 1.0]]], dtype=torch.float64)
    images = torch.tensor([[[[0.9, 0.1]]]], dtype=torch.float64)
    model = linear(weights, -3.4)  # 3 x + y > 3.4: x is at most 1, so that y must be above 0.4
    r, success = minimal_perturbation(model, images, torch.tensor([1]))
    assert success.all()
    torch.testing.assert_close((images + r).flatten()[0].item(), 1.0, rtol=0, atol=0.01)
    assert norms(r).item() == pytest.approx((0.1**2 + 0.3**2) ** 0.5, rel=0.01)


def test_no_perturbation_is_needed_where_the_class_is_the_target_already():
    model, images = small_cnn(), some_images(3)
    r, success = minimal_perturbation(model, images, model(images).argmax(dim=1), n_searches=2)
    assert success.all()
    assert r.abs().max() == 0


def test_failure_is_reported_for_the_image_that_failed():
    weights = torch.tensor([[[1.0]]], dtype=torch.float64)
    model = linear(weights, -2.0)  # class 1 is not in the box
    r, success = minimal_perturbation(
        model, torch.tensor([0.5, 0.5]).double().view(2, 1, 1, 1), torch.tensor([1, 0])
    )
    assert success.tolist() == [False, True]
    assert r.abs().max() == 0


@pytest.fixture(scope="module")
def trained():
    return trained_cnn()


def test_minimal_perturbation_succeeds_on_every_image_and_is_no_longer_than_ddns(trained):
    garments = load_garments()
    rows = torch.randperm(len(garments.images), generator=torch.Generator().manual_seed(1))[:16]
    images, labels = garments.images[rows][:, None], garments.labels[rows]
    targets = (labels + 1 + torch.arange(16) % 8) % 10
    r, success = minimal_perturbation(trained, images, targets)
    assert success.all()
    assert (images + r).min() >= 0
    assert (images + r).max() <= 1
    assert (trained(images + r).argmax(dim=1) == targets).all()

    attack = foolbox.attacks.DDNAttack(steps=1000)
    peer, _, peer_success = attack(
        foolbox.PyTorchModel(trained, bounds=(0, 1)),
        images,
        foolbox.criteria.TargetedMisclassification(targets),
        epsilons=None,
    )
    assert peer_success.all()
    assert norms(r).median() <= 1.05 * norms(peer - images).median()
    assert (norms(r) / norms(peer - images)).max() <= 1.1
