"""Scenes: exact masks, exact context, the same seed the same bytes."""

import pytest
import torch

from course_utils.garments import GARMENTS, Garments, load_garments, read_idx
from course_utils.scenes import garment_scenes, lesion_patches


def same(a, b):
    return all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: garment_scenes(20, seed),
        lambda seed: garment_scenes(20, seed, n_objects=2, context_strength=0.5),
        lambda seed: lesion_patches(20, seed, context_strength=0.9),
    ],
)
class TestSeeds:
    def test_same_seed_gives_the_same_bytes(self, make):
        assert same(make(3), make(3))

    def test_another_seed_gives_other_pictures(self, make):
        assert not torch.equal(make(3).images, make(4).images)

    def test_a_generator_gives_what_its_seed_gives(self, make):
        assert same(make(3), make(torch.Generator().manual_seed(3)))

    def test_the_global_random_state_stays(self, make):
        before = torch.get_rng_state()
        make(3)
        assert torch.equal(torch.get_rng_state(), before)

    def test_images_are_float32_in_the_unit_range(self, make):
        images = make(3).images
        assert images.dtype == torch.float32
        assert images.shape == (20, 1, 64, 64)
        assert images.min() >= 0
        assert images.max() <= 1


def test_the_mask_is_exactly_the_garment():
    scenes = garment_scenes(20, 1, n_fragments=0, noise=0)
    garments = load_garments()
    for image, label, mask in zip(
        scenes.images[:, 0], scenes.labels, scenes.masks[:, 0], strict=True
    ):
        background = image[~mask]
        assert (background == background[0]).all()  # nothing of the garment lies outside
        shown = bounding_box(image * mask, mask)
        candidates = garments.images[garments.labels == label]
        assert any(torch.equal(shown, bounding_box(g, g > 0)) for g in candidates)


def bounding_box(picture, mask):
    rows, columns = mask.any(dim=1).nonzero(), mask.any(dim=0).nonzero()
    return picture[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]


def test_fragments_and_texture_lie_behind_the_garment():
    plain = garment_scenes(10, 1, noise=0)
    bare = garment_scenes(10, 1, noise=0, n_fragments=6, context_strength=1.0)
    for k in range(10):
        mask = plain.masks[k, 0]
        assert torch.equal(plain.images[k, 0][mask], bare.images[k, 0][mask])


def test_two_objects_are_apart_and_of_different_classes():
    scenes = garment_scenes(200, 2, n_objects=2)
    assert scenes.labels.shape == (200, 2)
    assert scenes.masks.shape == (200, 2, 64, 64)
    assert not scenes.masks.all(dim=1).any()
    assert (scenes.labels[:, 0] != scenes.labels[:, 1]).all()
    assert scenes.masks.flatten(2).any(dim=2).all()


def test_two_objects_stand_in_either_order():
    masks = garment_scenes(200, 2, n_objects=2).masks
    rows = (masks * torch.arange(64)[:, None]).sum(dim=(2, 3)) / masks.sum(dim=(2, 3))
    first_above = (rows[:, 0] < rows[:, 1]).double().mean()
    assert 0.35 < first_above < 0.65


def test_classes_are_equally_frequent():
    counts = torch.bincount(garment_scenes(100, 5).labels, minlength=10)
    assert counts.tolist() == [10] * 10
    assert torch.bincount(lesion_patches(100, 5).labels).tolist() == [50, 50]


@pytest.mark.parametrize("n", [50, 333])
@pytest.mark.parametrize("strength", [0.0, 0.1, 0.37, 0.5, 1.0])
@pytest.mark.parametrize("n_objects", [1, 2])
def test_the_texture_agrees_with_the_class_exactly_as_often_as_asked_for(n, strength, n_objects):
    scenes = garment_scenes(n, 6, n_objects=n_objects, context_strength=strength)
    first = scenes.labels.view(n, n_objects)[:, 0]
    assert (scenes.textures == first).sum() == round(strength * n)


def test_the_texture_at_chance_tells_nothing_of_the_class():
    scenes = garment_scenes(5000, 6, context_strength=0.1)
    joint = torch.bincount(scenes.labels * 10 + scenes.textures, minlength=100).view(10, 10)
    expected = 5000 / 100
    chi_squared = ((joint - expected) ** 2 / expected).sum()
    assert chi_squared < 124  # 99.9 % of the distribution with 81 degrees of freedom lies below


def test_textures_differ_in_direction_or_wavelength():
    options = {"noise": 0, "n_fragments": 0}
    scenes = garment_scenes(100, 7, context_strength=0.5, **options)
    waves = (scenes.images - garment_scenes(100, 7, **options).images)[:, 0]
    spectra = torch.fft.rfft2(waves).abs()
    spectra[:, 0, 0] = 0  # without the constant part
    peaks = spectra.flatten(1).argmax(dim=1)
    by_texture = [set(peaks[scenes.textures == k].tolist()) for k in range(10)]
    assert all(by_texture)
    assert sum(map(len, by_texture)) == len(set.union(*by_texture))  # no peak in two of them


def test_context_changes_the_background_alone():
    with_context = garment_scenes(20, 8, context_strength=1.0)
    without = garment_scenes(20, 8)
    assert torch.equal(with_context.labels, without.labels)
    assert torch.equal(with_context.masks, without.masks)
    inside = with_context.masks
    assert torch.equal(with_context.images[inside], without.images[inside])


@pytest.mark.parametrize("n", [50, 333])
@pytest.mark.parametrize("strength", [0.0, 0.5, 0.97, 1.0])
def test_the_marker_tells_the_truth_exactly_as_often_as_asked_for(n, strength):
    patches = lesion_patches(n, 1, context_strength=strength)
    marked = patches.cue_masks.flatten(1).any(dim=1)
    assert (marked == (patches.labels == 1)).sum() == round(strength * n)


def test_an_uninformative_marker_is_as_frequent_with_either_margin():
    patches = lesion_patches(400, 1, context_strength=0.5)
    marked = patches.cue_masks.flatten(1).any(dim=1)
    assert marked[patches.labels == 0].sum() == marked[patches.labels == 1].sum() == 100


@pytest.mark.parametrize("what", ["lesion", "cue"])
def test_the_mask_is_exactly_what_the_lesion_or_marker_changes(what):
    with_it = lesion_patches(60, 2, context_strength=0.9)
    without = lesion_patches(60, 2, context_strength=0.9, **{what: False})
    mask = with_it.lesion_masks if what == "lesion" else with_it.cue_masks
    changed = (with_it.images != without.images)[:, 0]
    assert not changed[~mask].any()
    # At the very margin the lesion fades below what a float32 can add.
    assert changed[mask].double().mean() > 0.999
    assert not getattr(without, f"{what}_masks").any()
    assert torch.equal(with_it.labels, without.labels)


def test_lesion_and_marker_are_apart_and_the_lesion_within_the_patch():
    patches = lesion_patches(500, 3, context_strength=1.0)
    assert not (patches.lesion_masks & patches.cue_masks).any()
    edge = torch.ones(64, 64, dtype=torch.bool)
    edge[1:-1, 1:-1] = False
    assert not (patches.lesion_masks & edge).any()


def test_the_size_of_the_lesion_does_not_give_its_margin_away():
    patches = lesion_patches(1000, 4)
    areas = patches.lesion_masks.sum(dim=(1, 2))
    thresholds = torch.arange(areas.min(), areas.max())
    right = ((areas > thresholds[:, None]) == (patches.labels == 1)).double().mean(dim=1)
    assert torch.maximum(right, 1 - right).max() < 0.65


def test_spiculated_lesions_are_less_compact_than_smooth_ones():
    patches = lesion_patches(200, 5)
    masks = patches.lesion_masks
    perimeter = (masks[:, 1:] != masks[:, :-1]).sum(dim=(1, 2)) + (
        masks[:, :, 1:] != masks[:, :, :-1]
    ).sum(dim=(1, 2))
    compactness = masks.sum(dim=(1, 2)) / perimeter**2
    smooth, spiculated = (compactness[patches.labels == k] for k in (0, 1))
    assert smooth.quantile(0.05) > spiculated.quantile(0.95)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: garment_scenes(0), "n must be at least 1"),
        (lambda: garment_scenes(4, n_objects=3), "n_objects must be 1 or 2"),
        (lambda: garment_scenes(4, size=27), "size must be at least 28"),
        (lambda: garment_scenes(4, size=55, n_objects=2), "size must be at least 56"),
        (lambda: garment_scenes(4, context_strength=1.5), "context_strength must be"),
        (lambda: garment_scenes(4, noise=-1), "noise must be"),
        (lambda: lesion_patches(4, context_strength=-0.1), "context_strength must be"),
        (lambda: lesion_patches(4, size=32), "size must be at least 64"),
        (lambda: lesion_patches(4, seed=-1), "seed must be at least 0"),
    ],
)
def test_an_argument_out_of_range_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_garments_that_lack_a_class_are_refused():
    garments = load_garments()
    keep = garments.labels != 3
    with pytest.raises(ValueError, match="some of each class"):
        garment_scenes(4, garments=Garments(garments.images[keep], garments.labels[keep]))


def test_a_seed_of_another_type_is_refused():
    with pytest.raises(TypeError, match="seed must be a whole number"):
        garment_scenes(4, seed=1.5)


def test_the_smallest_canvases_have_room():
    assert garment_scenes(10, size=28).images.shape == (10, 1, 28, 28)
    assert garment_scenes(10, size=56, n_objects=2).images.shape == (10, 1, 56, 56)


def test_shipped_garments_are_balanced_and_sorted():
    garments = load_garments()
    assert torch.bincount(garments.labels).tolist() == [200] * len(GARMENTS)
    assert (garments.labels.diff() >= 0).all()
    assert garments.images.shape == (2000, 28, 28)
    assert garments.images.max() == 1


def test_a_folder_without_the_files_is_refused_with_their_names(tmp_path):
    with pytest.raises(FileNotFoundError, match="train-images-idx3-ubyte"):
        load_garments(tmp_path, split="train")
    with pytest.raises(ValueError, match="split must be"):
        load_garments(split="validation")


def test_an_idx_file_of_another_type_is_refused(tmp_path):
    (tmp_path / "file").write_bytes(b"\0\0\x0d\x01" + b"\0\0\0\x01" + b"\0\0\0\0")
    with pytest.raises(ValueError, match="IDX file of unsigned bytes"):
        read_idx(tmp_path / "file")


def test_idx_axes_keep_their_order(tmp_path):
    (tmp_path / "file").write_bytes(b"\0\0\x08\x02" + b"\0\0\0\x02\0\0\0\x03" + bytes(range(6)))
    assert read_idx(tmp_path / "file").tolist() == [[0, 1, 2], [3, 4, 5]]
