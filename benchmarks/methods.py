"""The course's methods against the libraries of the field: the same work, in turns, in one run.

    python benchmarks/methods.py            about a quarter of an hour; writes methods.json, README.md
    python benchmarks/methods.py --quick    about two minutes; prints only

Each pair gets the same network, images and arguments, and must give the same result: the column
"difference" is the largest one of all pixels, relative to the largest value of the peer.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from measuring import (
    machine,
    markdown_table,
    median_ratio,
    peak_in_a_new_process,
    peak_megabytes,
    replace_between_marks,
    seconds_in_turns,
    write_json,
)
from torch import Tensor, nn

from course_utils.classifiers import Classifier, load_classifier
from course_utils.photos import load_photo
from course_utils.scores import class_score

HERE = Path(__file__).parent
N = 50  # samples of SmoothGrad and points of integrated gradients, the papers' usual number
SIGMA = 0.15
EPS, ALPHA, STEPS = 8 / 255, 2 / 255, 10
SECTIONS = ("timings", "memory", "perturbations")
PHOTOS = ("chelsea", "coffee", "rocket", "astronaut")
LAYERS = {"efficientnet_lite0": "network.features", "resnet18": "network.layer4"}


class Setting(NamedTuple):
    """What both sides of a pair are given."""

    model: nn.Module
    images: Tensor  # (N, 3, 224, 224)
    labels: Tensor  # (N,), the network's own predictions
    layer: str

    @property
    def target(self) -> int:
        return int(self.labels[0])


def setting(
    name: str, n_images: int, size: int = 224, dtype: torch.dtype = torch.float32
) -> Setting:
    if name == "resnet18":
        from torchvision.models import resnet18

        with torch.random.fork_rng():
            torch.manual_seed(0)  # weights without a download: what is timed is the same
            network = resnet18(weights=None)
        model = Classifier(network, [str(i) for i in range(1000)], mean=[0.45], std=[0.225]).eval()
    else:
        model = load_classifier(name)
    model = model.to(dtype)
    images = torch.cat([load_photo(photo, size) for photo in PHOTOS[:n_images]]).to(dtype)
    with torch.no_grad():
        labels = model(images).argmax(dim=1)
    return Setting(model, images, labels, LAYERS[name])


class Pair(NamedTuple):
    """Our call and the peer's. `theirs` prepares what a user would keep; only its result is timed."""

    method: str
    peer: str
    ours: Callable[[Setting], Tensor]
    theirs: Callable[[Setting], Callable[[], Tensor]]
    required: float | None = None  # how many times faster ours has to be
    agree_in: torch.dtype | None = torch.float64  # None: the peer's noise comes in another order
    as_compared: Callable[[Tensor], Tensor] = lambda maps: maps


# Ours


def our_gradient(s: Setting) -> Tensor:
    from course_utils.gradients import vanilla_gradient

    return vanilla_gradient(class_score(s.model, s.target), s.images)


def our_smoothgrad(s: Setting, n: int = N) -> Tensor:
    from course_utils.smoothgrad import smoothgrad

    generator = torch.Generator().manual_seed(0)
    return smoothgrad(class_score(s.model, s.target), s.images, SIGMA, n, generator)


def our_integrated_gradients(s: Setting, n: int = N) -> Tensor:
    from course_utils.integrated_gradients import integrated_gradients

    f = class_score(s.model, s.target)
    return integrated_gradients(f, s.images, torch.zeros_like(s.images), n)


def our_gradcam(s: Setting) -> Tensor:
    from course_utils.activation_maps import gradcam

    return gradcam(s.model, s.layer, s.images, s.target)


def our_fgsm(s: Setting) -> Tensor:
    from course_utils.adversarial import fgsm

    return fgsm(s.model, s.images, s.labels, EPS)


def our_bim(s: Setting) -> Tensor:
    from course_utils.adversarial import bim

    return bim(s.model, s.images, s.labels, EPS, ALPHA, STEPS)


# Theirs


def captum_gradient(s: Setting) -> Callable[[], Tensor]:
    from captum.attr import Saliency

    return partial(Saliency(s.model).attribute, s.images, target=s.target, abs=False)


def captum_smoothgrad(s: Setting, n: int = N, at_once: int | None = None) -> Callable[[], Tensor]:
    from captum.attr import NoiseTunnel, Saliency

    tunnel = NoiseTunnel(Saliency(s.model))

    def run() -> Tensor:
        torch.manual_seed(0)
        return tunnel.attribute(
            s.images,
            nt_type="smoothgrad",
            nt_samples=n,
            nt_samples_batch_size=at_once,
            stdevs=SIGMA,
            target=s.target,
            abs=False,
        )

    return run


def captum_integrated_gradients(
    s: Setting, n: int = N, at_once: int | None = None
) -> Callable[[], Tensor]:
    from captum.attr import IntegratedGradients

    return partial(
        IntegratedGradients(s.model).attribute,
        s.images,
        torch.zeros_like(s.images),
        target=s.target,
        n_steps=n,
        method="riemann_middle",
        internal_batch_size=at_once,
    )


def captum_gradcam(s: Setting) -> Callable[[], Tensor]:
    from captum.attr import LayerAttribution, LayerGradCam

    explainer = LayerGradCam(s.model, s.model.get_submodule(s.layer))

    def run() -> Tensor:
        maps = explainer.attribute(s.images, target=s.target, relu_attributions=True)
        size = tuple(s.images.shape[-2:])
        return LayerAttribution.interpolate(maps, size, "bilinear")[:, 0].detach()

    return run


def pytorch_grad_cam(s: Setting) -> Callable[[], Tensor]:
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    explainer = GradCAM(model=s.model, target_layers=[s.model.get_submodule(s.layer)])
    targets = [ClassifierOutputTarget(s.target)] * len(s.images)
    return lambda: torch.from_numpy(explainer(input_tensor=s.images, targets=targets))


def torchcam_gradcam(s: Setting) -> Callable[[], Tensor]:
    from torchcam.methods import GradCAM

    model = copy.deepcopy(s.model)  # its hooks stay on the model
    explainer = GradCAM(model, target_layer=s.layer)

    def run() -> Tensor:
        (maps,) = explainer([s.target] * len(s.images), model(s.images), normalized=False)
        return nn.functional.interpolate(
            maps[:, None], s.images.shape[-2:], mode="bilinear", align_corners=False
        )[:, 0]

    return run


def torchattacks_fgsm(s: Setting) -> Callable[[], Tensor]:
    import torchattacks

    return partial(torchattacks.FGSM(s.model, eps=EPS), s.images, s.labels)


def torchattacks_bim(s: Setting) -> Callable[[], Tensor]:
    import torchattacks

    return partial(torchattacks.BIM(s.model, eps=EPS, alpha=ALPHA, steps=STEPS), s.images, s.labels)


def foolbox_bim(s: Setting) -> Callable[[], Tensor]:
    import foolbox

    attack = foolbox.attacks.LinfBasicIterativeAttack(abs_stepsize=ALPHA, steps=STEPS)
    model = foolbox.PyTorchModel(s.model, bounds=(0, 1), device="cpu")
    return lambda: attack.run(
        model, s.images, foolbox.criteria.Misclassification(s.labels), epsilon=EPS
    )


def from_zero_to_one(maps: Tensor) -> Tensor:
    """Each map's own minimum to 0 and maximum to 1, as pytorch-grad-cam returns them."""
    low, high = maps.amin(dim=(1, 2), keepdim=True), maps.amax(dim=(1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp_min(torch.finfo(maps.dtype).tiny)


PAIRS = (
    Pair("gradient", "captum", our_gradient, captum_gradient),
    # captum draws its noise in float32 always, so that only float32 can agree
    Pair("SmoothGrad", "captum", our_smoothgrad, captum_smoothgrad, 1.5, torch.float32),
    Pair(
        "SmoothGrad",
        "captum, 10 at once",
        our_smoothgrad,
        partial(captum_smoothgrad, at_once=10),
        None,
        None,
    ),
    Pair(
        "integrated gradients", "captum", our_integrated_gradients, captum_integrated_gradients, 1.5
    ),
    Pair(
        "integrated gradients",
        "captum, 10 at once",
        our_integrated_gradients,
        partial(captum_integrated_gradients, at_once=10),
    ),
    Pair("Grad-CAM", "grad-cam", our_gradcam, pytorch_grad_cam, 2.5, as_compared=from_zero_to_one),
    Pair("Grad-CAM", "captum", our_gradcam, captum_gradcam),
    Pair("Grad-CAM", "torchcam", our_gradcam, torchcam_gradcam),
    Pair("FGSM", "torchattacks", our_fgsm, torchattacks_fgsm),
    Pair("BIM", "torchattacks", our_bim, torchattacks_bim, 1.0),
    Pair("BIM", "foolbox", our_bim, foolbox_bim),
)


def difference(pair: Pair, name: str) -> float | None:
    """The largest difference, relative to the largest value, on a small photograph.

    It is small because float64 has no fast convolutions on a CPU.
    """
    if pair.agree_in is None:
        return None
    s = setting(name, 1, size=64, dtype=pair.agree_in)
    ours, theirs = pair.as_compared(pair.ours(s)), pair.as_compared(pair.theirs(s)())
    return ((ours - theirs).abs().max() / theirs.abs().max()).item()


def timings(
    name: str, n_images: int, repeats: int, pairs: list[Pair], clock: Callable[[], float]
) -> list[dict]:
    rows = []
    for pair in pairs:
        s = setting(name, n_images)
        # Short calls are repeated more often: noise is shorter than what it disturbs.
        often = repeats if pair.method in ("SmoothGrad", "integrated gradients") else 3 * repeats
        seconds = seconds_in_turns(partial(pair.ours, s), pair.theirs(s), often, clock)
        ratio = median_ratio(seconds)
        rows.append(
            {
                "network": name,
                "method": pair.method,
                "peer": pair.peer,
                "ours, ms": round(1000 * sorted(pair[0] for pair in seconds)[often // 2], 1),
                "peer, ms": round(1000 * sorted(pair[1] for pair in seconds)[often // 2], 1),
                "times faster": round(ratio, 2),
                "required": pair.required,
                "difference": difference(pair, name),
            }
        )
        print(rows[-1], flush=True)
    return rows


# Peak memory: each figure from a process of its own, started from this script

MEMORY = {
    "SmoothGrad": (our_smoothgrad, captum_smoothgrad),
    "integrated gradients": (our_integrated_gradients, captum_integrated_gradients),
}


def memory(names: list[str], ours_n: tuple[int, ...] = (20, 100)) -> list[dict]:
    rows = []
    for name in names:
        for method in MEMORY:
            row = {"network": name, "method": method}
            for side, n in [*(("ours", n) for n in ours_n), ("captum", N)]:
                threads = ["--threads", str(torch.get_num_threads())]
                arguments = [*threads, "--peak", name, method, side, str(n)]
                row[f"{side}, n = {n}, MB"] = round(peak_in_a_new_process(__file__, arguments))
            rows.append(row)
            print(row, flush=True)
    return rows


def print_peak(name: str, method: str, side: str, n: str) -> None:
    s = setting(name, 1)
    ours, theirs = MEMORY[method]
    work = partial(ours, s, int(n)) if side == "ours" else theirs(s, int(n))
    print(peak_megabytes(work))


# The smallest perturbation is no single right result: what counts is success and length


def perturbations(name: str = "garments_cnn", n_images: int = 16, steps: int = 1000) -> list[dict]:
    """Ours against foolbox's DDN, both towards the likeliest other class of trained networks."""
    import foolbox

    from course_utils.adversarial import minimal_perturbation
    from course_utils.garments import load_garments

    model = load_classifier(name)
    garments = load_garments().images  # (M, 28, 28)
    images = garments[:: len(garments) // n_images][:n_images, None]  # (n_images, 1, 28, 28)
    with torch.no_grad():
        targets = model(images).topk(2).indices[:, 1]
    attack = foolbox.attacks.DDNAttack(steps=steps)
    wanted = foolbox.criteria.TargetedMisclassification(targets)
    bounded = foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")
    ours = partial(minimal_perturbation, model, images, targets)
    theirs = partial(attack.run, bounded, images, wanted)
    r, attacked = ours().perturbation, theirs()
    reached = {}
    for side, image in (("ours", images + r), ("peer", attacked)):
        with torch.no_grad():
            reached[side] = model(image).argmax(dim=1) == targets
    norms = torch.linalg.vector_norm(torch.stack([r, attacked - images]), dim=(2, 3, 4))
    ratios = (norms[0] / norms[1])[reached["ours"] & reached["peer"]]
    row = {
        "network": name,
        "peer": f"foolbox DDN, {steps} steps",
        "images": len(images),
        "success, ours": int(reached["ours"].sum()),
        "success, peer": int(reached["peer"].sum()),
        "norm, ours / peer, median": ratios.median().item(),
        "norm, ours / peer, largest": ratios.max().item(),
        "required": 1.05,
        "times faster": round(median_ratio(seconds_in_turns(ours, theirs, 1)), 2),
    }
    print(row, flush=True)
    return [row]


TITLES = {
    "memory": "Peak memory of one call on one photograph, above what the process held before:",
    "perturbations": "The smallest perturbation to the likeliest other class, within the box:",
}


def report(results: dict) -> str:
    """The results as Markdown."""
    described = ", ".join(f"{key} {value}" for key, value in results["machine"].items())
    parts = [
        f"Measured on: {described}. Photographs of 224 × 224, {results['images']} at once; n = {N}; "
        f"{results['repeats']} pairs for SmoothGrad and integrated gradients, three times as many "
        f"for the rest; {results['clock']}.",
        markdown_table(results["timings"]),
    ]
    for section, title in TITLES.items():
        if section in results:
            parts += [title, markdown_table(results[section])]
    return "\n\n".join(parts)


def in_short(results: dict) -> str:
    """What the project promises, as Markdown for its README: a row for each promised ratio."""
    ratios: dict[tuple[str, str], dict[str, str]] = {}
    for row in results["timings"]:
        if row["required"] is not None:
            key = row["method"], row["peer"]
            ratios.setdefault(key, {})[row["network"]] = f"{row['times faster']:.2f} ×"
    table = [{"method": m, "times as fast as": peer} | of for (m, peer), of in ratios.items()]
    where = results["machine"]
    return "\n\n".join(
        [
            markdown_table(table),
            f"One photograph, n = {N}, {results['clock']}, medians of pairs taken in turns; "
            f"{where['processor']}, {where['cores']} cores, torch {where['torch']}.",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="about two minutes, prints only")
    parser.add_argument("--images", type=int, help="photographs at once, at most 4")
    parser.add_argument("--repeats", type=int, help="pairs of each row that takes long")
    parser.add_argument(
        "--only", choices=SECTIONS, help="measure one section again, keep the others"
    )
    parser.add_argument("--peak", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument(
        "--cpu-time", action="store_true", help="processor time: on a shared machine, one thread"
    )
    parser.add_argument("--threads", type=int, help="of torch; on a shared machine, 1")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.peak:
        print_peak(*arguments.peak)
        return
    n_images = arguments.images or (1 if arguments.quick else 2)
    repeats = arguments.repeats or (3 if arguments.quick else 7)
    stored = HERE / "methods.json"
    results = json.loads(stored.read_text()) if arguments.only else {}
    wanted = [arguments.only] if arguments.only else SECTIONS
    if "timings" in wanted:
        clock = time.process_time if arguments.cpu_time else time.perf_counter
        results |= {"machine": machine(), "images": n_images, "repeats": repeats}
        results["clock"] = "processor time" if arguments.cpu_time else "wall time"
        networks = list(LAYERS)[:1] if arguments.quick else list(LAYERS)
        pairs = [pair for pair in PAIRS if not (arguments.quick and "at once" in pair.peer)]
        results["timings"] = [
            row for name in networks for row in timings(name, n_images, repeats, pairs, clock)
        ]
    if "memory" in wanted:
        results["memory"] = memory(list(LAYERS)[:1] if arguments.quick else list(LAYERS))
    if "perturbations" in wanted:
        results["perturbations"] = perturbations()
    print(report(results))
    if not arguments.quick:
        write_json(stored, results)
        for readme, text in ((HERE, report(results)), (HERE.parent, in_short(results))):
            path = readme / "README.md"
            path.write_text(replace_between_marks(path.read_text(), "results", text))


if __name__ == "__main__":
    main()
