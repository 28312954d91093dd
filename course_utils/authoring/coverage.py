"""Which item of the lecture notes is treated where: a table made from the notebooks' tags."""

from __future__ import annotations

from pathlib import Path

import nbformat

from course_utils.authoring.build import (
    SOLUTIONS,
    assignments,
    lecture_of_assignment,
    master_path,
    roles,
)

# Every section, equation, figure, remark, fundamental question and claim of the lecture notes.
ITEMS = {
    "section-1": "What saliency maps are",
    "question-1": "How much does each region contribute to a decision?",
    "section-2.1": "Gradient-based saliency maps",
    "figure-1": "The gradient of a linear and of a nonlinear classifier",
    "question-2": "Which pixels should I change, at which rate, for a more certain prediction?",
    "footnote-1": "Colour channels are averaged; one class of several is chosen",
    "claim-linear-same-map": "A linear classifier gives the same map for every image",
    "claim-linear-coordinates": "Linear classifiers expect the object in the same coordinates",
    "figure-2": "Vanilla maps look noisy",
    "figure-3": "The gradient fluctuates between an image and its small perturbation",
    "equation-1": "SmoothGrad: the mean gradient over noisy copies",
    "equation-2": "The covariance of the noise is diagonal and constant",
    "remark-1": "A diagonal covariance makes sampling easy",
    "figure-4": "SmoothGrad at several noise levels",
    "integrated-gradients": "Integrated gradients: a path from a baseline",
    "figure-5": "Integrated gradients on examples, and the choice of baseline",
    "claim-many-routes": "There is one gradient but there are many quick routes to the boundary",
    "section-2.2": "Saliency maps based on activation mappings",
    "figure-6": "CAM and the network that it needs",
    "equation-cam": "S = Σ w_k A^k",
    "figure-7": "Grad-CAM for any network",
    "equation-gradcam": "w_k = mean of the gradient; S = ReLU(Σ w_k A^k)",
    "claim-relu": "ReLU turns off negative contributions",
    "figure-8": "Two classes in one image",
    "section-2.3": "Attention-based saliency maps",
    "figure-9": "Attention maps of CNNs and transformers",
    "section-3": "Adversarial attacks",
    "equation-minimal": "The smallest perturbation that changes the class, inside the box",
    "figure-10": "The attack in a picture",
    "equation-fgsm": "FGSM: r = ε sign of the loss's gradient",
    "figure-11": "FGSM's one step",
    "figure-12": "An FGSM attack on an image",
    "equation-bim": "BIM: small steps, clipped",
    "figure-13": "BIM's path to the boundary",
    "section-4": "The debate on saliency maps",
    "claim-context": "Context is highlighted because it is used",
    "figure-14": "Maps that leave the lesion",
    "claim-attack": "Maps hardly change under attack, and calculus says why",
    "figure-15": "Maps before and after an attack",
    "section-5": "Explainable AI needs an explanation",
    "claim-methods-disagree": "Many methods cannot all answer one question",
    "claim-out-of-distribution": "Following the gradient leaves the data",
    "question-3": "How much does each input feature contribute? The question is ill defined",
    "claim-scale": "Beak and wings: per-pixel saliency and the effect of a region",
    "claim-user": "Whoever deploys a map must say what it shows",
}


def write_coverage(path: Path = Path("COVERAGE.md"), folder: Path = SOLUTIONS) -> None:
    """Write the coverage table."""
    path.write_text(coverage_table(folder), encoding="utf-8")


def coverage_table(folder: Path = SOLUTIONS) -> str:
    """A Markdown table: item of the notes → cell of a notebook → checks → tests."""
    found = treated_items(folder)
    rows = []
    for item, what in ITEMS.items():
        places = found.get(item, [])
        cells = "<br>".join(f"[{name}]({link}), {heading}" for name, link, heading, _ in places)
        checks = sorted({f"`{check}`" for *_, names in places for check in names})
        tests = sorted({_test_of(name) for name, *_ in places})
        rows.append(f"| {item} | {what} | {cells} | {', '.join(checks)} | {', '.join(tests)} |")
    return "\n".join(
        [
            "# What of the lecture notes is treated where",
            "",
            "Made by `course coverage` from the tags of the notebooks. Do not edit.",
            "",
            "| Item | What it says | Where | Checks of that section | Tests |",
            "| --- | --- | --- | --- | --- |",
            *rows,
            "",
        ]
    )


def treated_items(folder: Path = SOLUTIONS) -> dict[str, list[tuple[str, str, str, list[str]]]]:
    """item -> [(assignment, link, heading above the cell, exercises of that section)]."""
    found: dict[str, list[tuple[str, str, str, list[str]]]] = {}
    for assignment in assignments(folder):
        path = master_path(assignment, folder)
        notebook = nbformat.read(path, as_version=4)
        for section in _sections(notebook.cells):
            names = [name for cell in section for role, name in roles(cell) if role == "check"]
            heading = section[0].source.splitlines()[0].strip("# ")
            for cell in section:
                for tag in cell.metadata.get("tags", []):
                    if tag.startswith("notes:"):
                        item = tag.removeprefix("notes:")
                        if item not in ITEMS:
                            raise ValueError(f"{assignment}: the notes have no item {item!r}.")
                        link = f"solutions/{assignment}/{assignment}.ipynb"
                        found.setdefault(item, []).append((assignment, link, heading, names))
    return {item: _distinct(places) for item, places in found.items()}


def _sections(cells: list) -> list[list]:
    """The cells in groups, each beginning with a heading of the first or second level."""
    sections: list[list] = []
    for cell in cells:
        begins = cell.cell_type == "markdown" and cell.source.startswith(("# ", "## "))
        if begins or not sections:
            sections.append([])
        sections[-1].append(cell)
    return sections


def _distinct(places: list) -> list:
    return [place for index, place in enumerate(places) if place not in places[:index]]


def _test_of(assignment: str) -> str:
    return f"tests/test_{lecture_of_assignment(assignment)}.py"
