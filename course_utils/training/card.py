"""The model card beside each weight file: written from measurements, never by hand."""

from __future__ import annotations

from pathlib import Path

from safetensors import safe_open
from torch import Generator, Tensor

from course_utils.classifiers import Classifier, course_network
from course_utils.garments import load_garments
from course_utils.networks.vision_transformer import VisionTransformer
from course_utils.scenes import garment_scenes, lesion_patches
from course_utils.training import measure
from course_utils.training.recipes import CONTEXT_STRENGTH, RECIPES, Recipe, sneakers_and_boots

# Seeds of the fresh pictures; no training draws from them.
ACCURACY_SEED, SALIENCY_SEED, PAIRS_SEED = 9_000_001, 9_000_002, 9_000_003

N_ACCURACY, N_SALIENCY, N_PAIRS = 4000, 500, 200


def write_card(name: str, folder: Path) -> Path:
    """Measure the network in `folder`/NAME.safetensors and write `folder`/NAME.md beside it."""
    weights = folder / f"{name}.safetensors"
    model = course_network(name, weights).eval()
    with safe_open(weights, framework="pt") as file:
        facts = file.metadata()
    if name == "logistic_regression":
        measured, text = _logistic(model)
    elif name in CONTEXT_STRENGTH:
        measured, text = _lesions(model, CONTEXT_STRENGTH[name])
    else:
        measured, text = _garments(model)
    recipe = RECIPES[name]
    header = {  # numbers that a test or another program can read
        "name": name,
        "parameters": sum(p.numel() for p in model.parameters()),
        "seed": recipe.seed,
        "epochs": recipe.epochs,
        **dict(sorted(facts.items())),
        **{key: f"{value:.4f}" for key, value in measured.items()},
    }
    lines = [
        "---",
        *(f"{key}: {value}" for key, value in header.items()),
        "---",
        f"# {name}",
        "",
        type(model.network).__doc__.splitlines()[0].strip(),
        f"Classes: {', '.join(model.categories)}.",
        "",
        *text,
        "",
        *_training(name, recipe, facts),
        "",
        *_licence(recipe),
    ]
    card = weights.with_suffix(".md")
    card.write_text("\n".join(lines) + "\n")
    return card


def _garments(model: Classifier) -> tuple[dict[str, float], list[str]]:
    fresh = garment_scenes(N_ACCURACY, ACCURACY_SEED)
    table = measure.confusion(model, fresh.images, fresh.labels)
    accuracy = table.diag().sum().item() / N_ACCURACY
    scenes = garment_scenes(N_SALIENCY, SALIENCY_SEED)
    shares = measure.energy_inside(model, scenes.images, scenes.labels, scenes.masks[:, 0])
    area = scenes.masks.double().mean().item()
    measured = {"accuracy": accuracy, "mask_area": area, **_keys(shares)}
    text = [
        "## Accuracy",
        f"{accuracy:.1%} on {N_ACCURACY} fresh scenes with one garment (six fragments, noise 0.1), "
        "of garments from Fashion-MNIST's test split. Most frequent confusions:",
        "",
        *_confusions(table, model.categories),
        "",
        *_energy(shares, area, "the garment"),
    ]
    if not isinstance(model.network, VisionTransformer):
        rate = measure.own_object_rate(model, garment_scenes(N_PAIRS, PAIRS_SEED, n_objects=2))
        measured["own_object_rate"] = rate
        text += [
            "",
            f"Two garments in one scene: in {rate:.1%} of {N_PAIRS} fresh scenes, Grad-CAM of each "
            "of the two classes has more energy on its own garment than on the other.",
        ]
    return measured, text


def _lesions(model: Classifier, strength: float) -> tuple[dict[str, float], list[str]]:
    def accuracy(context_strength: float, cue: bool = True) -> float:
        patches = lesion_patches(
            N_ACCURACY, ACCURACY_SEED, context_strength=context_strength, cue=cue
        )
        return measure.accuracy(model, patches.images, patches.labels)

    measured = {
        "accuracy": accuracy(strength),
        "accuracy_uninformative_cue": accuracy(0.5),
        "accuracy_without_cue": accuracy(0.5, cue=False),
        "accuracy_misleading_cue": accuracy(0.0),
    }
    like_training = lesion_patches(N_ACCURACY, ACCURACY_SEED, context_strength=strength)
    table = measure.confusion(model, like_training.images, like_training.labels)
    patches = lesion_patches(N_SALIENCY, SALIENCY_SEED, context_strength=strength)
    shares = measure.energy_inside(model, patches.images, patches.labels, patches.lesion_masks)
    area = patches.lesion_masks.double().mean().item()
    with_cue = patches.cue_masks.any(dim=2).any(dim=1)
    marked = [part[with_cue] for part in (patches.images, patches.labels, patches.cue_masks)]
    cue_shares = measure.energy_inside(model, *marked)
    cue_area = marked[2].double().mean().item()
    measured |= {"mask_area": area, **_keys(shares), "cue_area": cue_area}
    measured |= {f"cue_{key}": value for key, value in _keys(cue_shares).items()}
    return measured, [
        "## Accuracy",
        f"On {N_ACCURACY} fresh synthetic patches each:",
        "",
        "| the marker | accuracy |",
        "|---|---|",
        f"| tells the truth in {strength:.0%} of the patches, as in training "
        f"| {measured['accuracy']:.1%} |",
        f"| says nothing | {measured['accuracy_uninformative_cue']:.1%} |",
        f"| is removed | {measured['accuracy_without_cue']:.1%} |",
        f"| always misleads | {measured['accuracy_misleading_cue']:.1%} |",
        "",
        "Confusion on data as in training (rows: the truth):",
        "",
        f"| | {' | '.join(model.categories)} |",
        "|---|---|---|",
        *(
            f"| {name} | {' | '.join(map(str, row))} |"
            for name, row in zip(model.categories, table.tolist(), strict=True)
        ),
        "",
        *_energy(shares, area, "the lesion"),
        "",
        "And on the marker, in the patches that show one:",
        "",
        *_share_table(cue_shares, cue_area),
        "",
        "The patches are synthetic. Nothing about patients follows from this network.",
    ]


def _logistic(model: Classifier) -> tuple[dict[str, float], list[str]]:
    n = 2 * 200  # as many as the shipped garments of the two classes
    images, labels = sneakers_and_boots(n, Generator().manual_seed(ACCURACY_SEED), load_garments())
    accuracy = measure.accuracy(model, images, labels)
    return {"accuracy": accuracy}, [
        "## Accuracy",
        f"{accuracy:.1%} on {n} draws from the shipped sneakers and ankle boots (test split).",
    ]


def _keys(shares: dict[str, float]) -> dict[str, float]:
    """{"attention, deep": …} -> {"inside_attention_deep": …}."""
    return {
        "inside_"
        + "_".join("".join(c if c.isalnum() else " " for c in kind).split()).lower(): share
        for kind, share in shares.items()
    }


def _energy(shares: dict[str, float], area: float, what: str) -> list[str]:
    return [
        "## Where the maps lie",
        f"Mean share of a map's energy on {what}, for the true class, over {N_SALIENCY} fresh "
        "pictures, beside the share that a uniform map has there (the mask's area).",
        "",
        *_share_table(shares, area),
    ]


def _share_table(shares: dict[str, float], area: float) -> list[str]:
    return [
        "| map | inside | mask's area | ratio |",
        "|---|---|---|---|",
        *(f"| {k} | {v:.1%} | {area:.1%} | {v / area:.1f} |" for k, v in shares.items()),
    ]


def _confusions(table: Tensor, categories: tuple[str, ...], n_rows: int = 6) -> list[str]:
    wrong = table - table.diag().diag()
    shares = wrong / table.sum(dim=1, keepdim=True)  # of the true class
    pairs = shares.flatten().argsort(descending=True)[:n_rows].tolist()
    return [
        "| truth | taken for | of the truth |",
        "|---|---|---|",
        *(
            f"| {categories[p // len(table)]} | {categories[p % len(table)]} "
            f"| {shares.flatten()[p]:.1%} |"
            for p in pairs
        ),
    ]


def _training(name: str, recipe: Recipe, facts: dict[str, str]) -> list[str]:
    start = (
        f"The convolutions are those of `{recipe.starts_from}`, kept fixed; the rest was trained."
        if recipe.starts_from
        else "All weights were trained from random ones."
    )
    return [
        "## Training",
        f"Data: {recipe.data}. {recipe.epochs} epochs of {recipe.images_per_epoch} fresh pictures "
        f"in batches of {recipe.batch_size}; AdamW (weight decay {recipe.weight_decay}), one-cycle "
        f"learning rates (cycles of {' and '.join(map(str, recipe.cycles))} epochs, the first up to "
        f"{recipe.learning_rate}), label smoothing "
        f"{recipe.label_smoothing}, seed {recipe.seed}. {start}",
        "",
        f"Made by `course train {name}` on {facts['date']} with torch {facts['torch']} in "
        f"{facts['precision']}: {float(facts['cpu_seconds']) / 60:.1f} minutes of CPU time on "
        f"{facts['threads']} thread(s), {float(facts['seconds']) / 60:.1f} by the clock on a "
        "machine that was busy with other work.",
    ]


def _licence(recipe: Recipe) -> list[str]:
    source = (
        "Fashion-MNIST, by Zalando SE, MIT licence (https://github.com/zalandoresearch/fashion-mnist)"
        if recipe.needs_garments
        else "generated by `course_utils.scenes.lesion_patches`; no patient's picture is in it"
    )
    return ["## Licence", f"Weights: MIT, as the code. Training data: {source}."]
