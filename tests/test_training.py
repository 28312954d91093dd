"""The training command, and that the shipped weights do what their cards say."""

import pickle
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml
from safetensors import SafetensorError
from safetensors.torch import load_file

from course_utils.classifiers import COURSE_NETWORKS, WEIGHTS, course_network, load_classifier
from course_utils.garments import SHIPPED, load_garments
from course_utils.scenes import garment_scenes, lesion_patches
from course_utils.training import measure, train
from course_utils.training.card import write_card
from course_utils.training.recipes import CONTEXT_STRENGTH, RECIPES, sneakers_and_boots

GARMENT_NETWORKS = ("garments_cnn", "attention_cnn", "vision_transformer")
AT_LEAST = {
    "logistic_regression": 0.9,
    "garments_cnn": 0.88,
    "attention_cnn": 0.86,
    "vision_transformer": 0.82,
    "lesion_cnn": 0.9,
    "lesion_cnn_context": 0.9,
}


def tiny(name, **changes):
    return replace(RECIPES[name], cycles=(2, 2), images_per_epoch=64, batch_size=32, **changes)


@pytest.fixture
def garments_folder(tmp_path):
    """A training folder: the shipped garments under the names of the train split."""
    folder = tmp_path / "fashion"
    folder.mkdir()
    for file in SHIPPED.glob("t10k-*"):
        (folder / file.name.replace("t10k", "train")).write_bytes(file.read_bytes())
    return folder


def run(name, folder, data=None, **options):
    return load_file(train(name, data, folder, progress=False, card=False, **options))


def equal(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


@pytest.mark.parametrize("epoch", [2, 3], ids=["within a cycle", "between two cycles"])
@pytest.mark.parametrize("name", ["lesion_cnn", "attention_cnn"])  # the latter has dropout
def test_resumed_training_ends_with_the_same_weights(name, epoch, garments_folder, tmp_path):
    recipe = tiny(name)
    whole = run(name, tmp_path / "whole", garments_folder, recipe=recipe)

    n_calls = 0

    def interrupted(n, generator, garments):
        nonlocal n_calls
        n_calls += 1
        if n_calls == epoch:
            raise KeyboardInterrupt
        return recipe.examples(n, generator, garments)

    parts = tmp_path / "parts"
    options = {"data": garments_folder, "recipe": replace(recipe, examples=interrupted)}
    with pytest.raises(KeyboardInterrupt):
        run(name, parts, **options)
    assert [file.name for file in parts.iterdir()] == [f"{name}.checkpoint"]
    resumed = run(name, parts, **options)
    assert n_calls == recipe.epochs + 1  # only the interrupted epoch was begun twice
    assert equal(whole, resumed)
    assert [file.name for file in parts.iterdir()] == [f"{name}.safetensors"]


def test_checkpoint_of_another_recipe_is_refused(tmp_path):
    recipe = tiny("lesion_cnn")

    def interrupted(n, generator, garments):
        if generator.initial_seed() > 1:
            raise KeyboardInterrupt
        return recipe.examples(n, generator, garments)

    with pytest.raises(KeyboardInterrupt):
        run("lesion_cnn", tmp_path, recipe=replace(recipe, examples=interrupted))
    with pytest.raises(ValueError, match="same recipe"):
        run("lesion_cnn", tmp_path, recipe=replace(recipe, learning_rate=1.0))


def test_same_seed_gives_the_same_weights_and_another_seed_others(tmp_path):
    first = run("lesion_cnn", tmp_path / "a", recipe=tiny("lesion_cnn"))
    second = run("lesion_cnn", tmp_path / "b", recipe=tiny("lesion_cnn"))
    other = run("lesion_cnn", tmp_path / "c", recipe=tiny("lesion_cnn", seed=1))
    assert equal(first, second)
    assert not equal(first, other)


def test_training_leaves_the_global_random_state(tmp_path):
    before = torch.get_rng_state()
    run("lesion_cnn", tmp_path, recipe=tiny("lesion_cnn"))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["attention_cnn", "vision_transformer"])
def test_convolutions_taken_over_stay_and_the_rest_learns(name, garments_folder, tmp_path):
    recipe = tiny(name)
    options = {"recipe": recipe, "progress": False, "card": False}
    weights = train(name, garments_folder, tmp_path / "out", **options)
    trained, teacher = load_file(weights), load_file(WEIGHTS / "garments_cnn.safetensors")
    shared = [key for key in trained if key.startswith("features.")]
    assert shared
    assert all(torch.equal(trained[key], teacher[key]) for key in shared)
    shipped = load_file(WEIGHTS / f"{name}.safetensors")
    assert not torch.equal(trained["classify.weight"], shipped["classify.weight"])


def test_garments_cnn_learns_from_a_folder_of_idx_files(garments_folder, tmp_path):
    recipe = tiny("garments_cnn", first_epochs=1)
    options = {"recipe": recipe, "progress": False, "card": False}
    weights = train("garments_cnn", garments_folder, tmp_path / "out", **options)
    assert course_network("garments_cnn", weights)(torch.rand(2, 1, 64, 64)).shape == (2, 10)


@pytest.mark.parametrize(
    ("options", "message"),
    [({"name": "resnet"}, "name must be one of"), ({"precision": "int8"}, "precision must be")],
)
def test_unknown_network_or_precision_is_refused(options, message, tmp_path):
    arguments = {"name": "lesion_cnn", "data_folder": None, "output_folder": tmp_path, **options}
    with pytest.raises(ValueError, match=message):
        train(**arguments)


def test_weights_are_of_a_kind_that_cannot_run_code():
    assert {file.suffix for file in WEIGHTS.iterdir()} == {".safetensors", ".md"}
    assert {file.stem for file in WEIGHTS.iterdir()} == set(COURSE_NETWORKS)


def test_a_pickle_under_the_name_of_weights_is_not_run(tmp_path):
    class Harmful:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "lesion_cnn.safetensors").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(SafetensorError):
        course_network("lesion_cnn", tmp_path / "lesion_cnn.safetensors")
    assert not (tmp_path / "ran").exists()


def card(name):
    _, header, _ = (WEIGHTS / f"{name}.md").read_text().split("---\n", 2)
    return yaml.safe_load(header)


@pytest.mark.parametrize("name", COURSE_NETWORKS)
def test_a_card_can_be_read_by_people_and_programs(name, tmp_path, monkeypatch):
    for number in ("N_ACCURACY", "N_SALIENCY", "N_PAIRS"):
        monkeypatch.setattr(f"course_utils.training.card.{number}", 20)
    weights = f"{name}.safetensors"
    (tmp_path / weights).write_bytes((WEIGHTS / weights).read_bytes())
    text = write_card(name, tmp_path).read_text()
    header = yaml.safe_load(text.split("---\n", 2)[1])
    assert header.keys() == card(name).keys()
    assert 0 <= header["accuracy"] <= 1
    for heading in ("## Accuracy", "## Training", "## Licence"):
        assert heading in text


def fresh_test_set(name, n=1500, seed=777):
    """Pictures that neither the training nor the card has seen, like those of the training."""
    if name == "logistic_regression":
        return sneakers_and_boots(400, torch.Generator().manual_seed(seed), load_garments())
    if name in CONTEXT_STRENGTH:
        patches = lesion_patches(n, seed, context_strength=CONTEXT_STRENGTH[name])
        return patches.images, patches.labels
    scenes = garment_scenes(n, seed)
    return scenes.images, scenes.labels


@pytest.mark.parametrize("name", COURSE_NETWORKS)
class TestShipped:
    def test_weights_are_small(self, name):
        assert (WEIGHTS / f"{name}.safetensors").stat().st_size < 3e6

    def test_accuracy_on_a_fresh_test_set_is_what_the_card_claims(self, name):
        images, labels = fresh_test_set(name)
        claimed = card(name)["accuracy"]
        measured = measure.accuracy(load_classifier(name), images, labels)
        # Three standard errors of the difference between two measurements.
        error = (claimed * (1 - claimed) * (1 / len(images) + 1 / 4000)) ** 0.5
        assert abs(measured - claimed) < 3 * max(error, 0.002)

    def test_the_card_claims_what_the_course_needs(self, name):
        assert card(name)["accuracy"] >= AT_LEAST[name]

    def test_the_card_says_how_it_was_made(self, name):
        header, text = card(name), (WEIGHTS / f"{name}.md").read_text()
        assert header.keys() >= {"seed", "epochs", "torch", "date", "seconds", "precision"}
        assert header["seed"] == RECIPES[name].seed
        assert header["epochs"] == RECIPES[name].epochs
        assert RECIPES[name].data in text
        assert "MIT" in text

    def test_loading_leaves_the_global_random_state(self, name):
        before = torch.get_rng_state()
        assert not load_classifier(name).training
        assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", GARMENT_NETWORKS)
def test_maps_have_twice_the_energy_on_the_garment_that_chance_has(name):
    scenes = garment_scenes(100, 778)
    masks = scenes.masks[:, 0]
    shares = measure.energy_inside(load_classifier(name), scenes.images, scenes.labels, masks)
    area, header = masks.double().mean().item(), card(name)
    for kind, share in shares.items():
        assert share >= 2 * area, kind
    claims = {key: value for key, value in header.items() if key.startswith("inside_")}
    assert len(claims) == len(shares)
    for claim, share in zip(claims.values(), shares.values(), strict=True):
        assert share == pytest.approx(claim, abs=0.06)


@pytest.mark.parametrize("name", ["garments_cnn", "attention_cnn"])
def test_gradcam_of_each_of_two_classes_falls_on_its_own_object(name):
    scenes = garment_scenes(100, 779, n_objects=2)
    assert card(name)["own_object_rate"] >= 0.8
    assert measure.own_object_rate(load_classifier(name), scenes) >= 0.7


def accuracy_with(name, **options):
    patches = lesion_patches(600, 780, context_strength=0.5, **options)
    return measure.accuracy(load_classifier(name), patches.images, patches.labels)


def test_the_network_trained_in_context_needs_the_cue_and_the_other_does_not():
    drop = {
        name: card(name)["accuracy"] - accuracy_with(name, cue=False) for name in CONTEXT_STRENGTH
    }
    assert drop["lesion_cnn_context"] > 0.15
    assert abs(drop["lesion_cnn"]) < 0.02


def test_the_network_trained_without_context_looks_at_the_lesion_and_the_other_at_the_cue():
    patches = lesion_patches(100, 781, context_strength=0.5)
    marked = patches.cue_masks.flatten(1).any(dim=1)
    images, labels = patches.images[marked], patches.labels[marked]
    on_cue = {
        name: measure.energy_inside(
            load_classifier(name), images, labels, patches.cue_masks[marked]
        )["integrated gradients"]
        for name in CONTEXT_STRENGTH
    }
    assert on_cue["lesion_cnn_context"] > 2 * on_cue["lesion_cnn"]


def test_measured_energy_of_a_uniform_map_is_the_masks_area():
    masks = garment_scenes(20, 1).masks[:, 0]
    share = measure.mass_inside(torch.ones(20, 64, 64), masks).mean()
    assert share == pytest.approx(masks.double().mean().item())
