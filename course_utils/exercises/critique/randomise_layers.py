"""The exercise `randomise_layers`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from course_utils import critique as references
from course_utils.exercises.cases.case import Case
from course_utils.exercises.exercise import Exercise


def _fingerprint(value: tuple, case: Case) -> tuple[str, ...]:
    """What became of each floating-point tensor of the model: same, constant, related or new."""
    original = [tensor for tensor in case.arguments["model"].state_dict().values()]
    return tuple(
        _fate(before, after)
        for before, after in zip(original, value, strict=False)
        if before.is_floating_point()
    )


def _fate(before: Tensor, after: Tensor) -> str:
    if before.shape != after.shape:
        return "another shape"
    if torch.equal(before, after):
        return "same"
    if after.min() == after.max():
        return "constant"
    pair = torch.stack([before.flatten(), after.flatten().to(before)])
    # Chance alone hardly ever makes a correlation of six standard errors, or of 0.95.
    chance = min(0.95, 6 / before.numel() ** 0.5)
    return "related" if torch.corrcoef(pair)[0, 1].abs() > chance else "new"


def _randomisation_complaint(value: object, expected: object, case: Case) -> str | None:
    """The upper layers must be new, the lower ones the same, and the network must still work."""
    if not isinstance(value, tuple) or len(value) != len(expected):
        return "the copy should have the model's parameters and buffers, got others."
    names = [
        name
        for name, values in case.arguments["model"].state_dict().items()
        if values.is_floating_point()
    ]
    fates = zip(names, _fingerprint(value, case), _fingerprint(expected, case), strict=True)
    for name, fate, right in fates:
        if fate != right:
            should = "stay as it is" if right == "same" else "hold new random numbers"
            found = {
                "same": "it stays as it is",
                "new": "it is changed",
                "related": "it still resembles what it was",
            }.get(fate, f"it is {fate}")
            return f"{name} should {should}, but {found}."
    logits, mode, drawn = value[-3:]
    if not torch.isfinite(logits).all():
        return "the network's output is not finite (is a variance negative?)."
    if mode != expected[-2]:
        return "the copy should be in the model's mode: train() or eval() was called on it."
    if expected[-1] and not drawn:
        return "nothing was drawn from the generator that was given."
    return None


def _same_fates(one: object, other: object, case: Case) -> bool:
    if not isinstance(one, tuple) or not isinstance(other, tuple) or len(one) != len(other):
        return False
    finite = [bool(torch.isfinite(value[-3]).all()) for value in (one, other)]
    fates = _fingerprint(one, case)
    # Constants need no generator: where there are any, its use says nothing.
    same_use = "constant" in fates or one[-1] == other[-1]
    same_mode = one[-2] == other[-2]
    return finite[0] == finite[1] and same_mode and same_use and fates == _fingerprint(other, case)


randomise_layers = Exercise(
    name="randomise_layers",
    reference=references.randomise_layers,
    teaches="a control for every map: does it change when the network forgets?",
    difficulty=3,
    minutes=25,
    points=3,
    complaint=_randomisation_complaint,
    alike=_same_fates,
    hints=(
        "Work on copy.deepcopy(model), and find its layers: the modules that hold parameters of their "
        "own. Which of them are the top ones?",
        "module.parameters(recurse=False) and module.buffers(recurse=False) list what a module holds "
        "itself. The order of model.modules() is from the image to the logits.",
        "Within torch.no_grad(), copy random numbers from the generator into each floating-point "
        "tensor, tensor.copy_(torch.rand(tensor.shape, generator=generator)): they are positive, as "
        "variances must be.",
    ),
)


def _layers(model):
    return [
        module
        for module in model.modules()
        if list(module.parameters(recurse=False)) or list(module.buffers(recurse=False))
    ]


def _own_tensors(module):
    tensors = [*module.parameters(recurse=False), *module.buffers(recurse=False)]
    return [tensor for tensor in tensors if tensor.is_floating_point()]


def _uniform(tensor, generator):
    return torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)


@randomise_layers.right_variant
def by_uniform_numbers(model, n_layers, generator):
    model = copy.deepcopy(model)
    layers = _layers(model)
    with torch.no_grad():
        for layer in layers[len(layers) - n_layers :]:
            for tensor in _own_tensors(layer):
                tensor.copy_(_uniform(tensor, generator))
    return model


@randomise_layers.right_variant
def by_shuffling(model, n_layers, generator):
    model = copy.deepcopy(model)
    for layer in _layers(model)[::-1][:n_layers]:
        for tensor in _own_tensors(layer):
            order = torch.randperm(tensor.numel(), generator=generator)
            tensor.data = tensor.data.flatten()[order].view_as(tensor)
    return model


@randomise_layers.right_variant
def by_normal_numbers_in_a_state(model, n_layers, generator):
    new = copy.deepcopy(model)
    names = dict.fromkeys(name.rpartition(".")[0] for name in new.state_dict())
    chosen = list(names)[::-1][:n_layers]
    state = new.state_dict()
    for name, tensor in state.items():
        if name.rpartition(".")[0] in chosen and tensor.is_floating_point():
            random = torch.randn(tensor.shape, generator=generator, dtype=tensor.dtype)
            state[name] = random.abs() + 0.01 if name.endswith("running_var") else random
    new.load_state_dict(state)
    return new


def _randomised(model, choose, generator, new=_uniform, tensors=_own_tensors):
    model = copy.deepcopy(model)
    with torch.no_grad():
        for layer in choose(_layers(model)):
            for tensor in tensors(layer):
                tensor.copy_(new(tensor, generator))
    return model


@randomise_layers.misconception(
    "bottom up",
    "The lowest layers were randomised. Begin at the top, with the layer that gives the logits.",
)
def _(model, n_layers, generator):
    return _randomised(model, lambda layers: layers[:n_layers], generator)


@randomise_layers.misconception(
    "one layer only",
    "Only the n-th layer from the top was randomised. All of the n upper ones should be.",
)
def _(model, n_layers, generator):
    return _randomised(
        model, lambda layers: layers[::-1][n_layers - 1 : n_layers] if n_layers else [], generator
    )


@randomise_layers.misconception(
    "all layers",
    "All layers were randomised, whatever n_layers says.",
)
def _(model, n_layers, generator):
    return _randomised(model, lambda layers: layers, generator)


@randomise_layers.misconception(
    "biases forgotten",
    "The weights are new, but the biases still hold what was learned. Randomise every parameter.",
)
def _(model, n_layers, generator):
    def without_biases(layer):
        return [tensor for tensor in _own_tensors(layer) if tensor is not layer.bias]

    return _randomised(
        model, lambda layers: layers[len(layers) - n_layers :], generator, tensors=without_biases
    )


@randomise_layers.misconception(
    "buffers forgotten",
    "The parameters are new, but buffers such as the statistics of batch normalisation still hold "
    "what was learned. They are part of the layer.",
)
def _(model, n_layers, generator):
    return _randomised(
        model,
        lambda layers: layers[len(layers) - n_layers :],
        generator,
        tensors=lambda layer: list(layer.parameters(recurse=False)),
    )


@randomise_layers.misconception(
    "zeros",
    "The numbers were set to a constant. That switches the layers off; the control needs *random* "
    "ones.",
)
def _(model, n_layers, generator):
    return _randomised(
        model,
        lambda layers: layers[len(layers) - n_layers :],
        generator,
        new=lambda tensor, generator: torch.zeros_like(tensor),
    )


@randomise_layers.misconception(
    "noise added",
    "A little noise was added to what was learned, which is still there. Replace it by new random "
    "numbers.",
)
def _(model, n_layers, generator):
    def shaken(tensor, generator):
        return tensor + 0.05 * _uniform(tensor, generator)

    return _randomised(
        model, lambda layers: layers[len(layers) - n_layers :], generator, new=shaken
    )


@randomise_layers.misconception(
    "slice from minus n",
    "For n_layers = 0 everything was randomised: layers[-0:] are all of them. Nothing should be.",
)
def _(model, n_layers, generator):
    return _randomised(model, lambda layers: layers[-n_layers:], generator)


@randomise_layers.misconception(
    "children instead of layers",
    "Whole blocks (or activations) were counted as layers. Count the modules that hold parameters of "
    "their *own*, wherever they stand: parameters(recurse=False).",
)
def _(model, n_layers, generator):
    model = copy.deepcopy(model)
    with torch.no_grad():
        for child in list(model.children())[::-1][:n_layers]:
            for layer in child.modules():
                for tensor in _own_tensors(layer):
                    tensor.copy_(_uniform(tensor, generator))
    return model


@randomise_layers.misconception(
    "negative variances",
    "A variance of batch normalisation became negative, so that the output is NaN. Make it positive, "
    "for instance with uniform numbers from 0 to 1.",
)
def _(model, n_layers, generator):
    def signed(tensor, generator):
        return _uniform(tensor, generator) - 2

    return _randomised(
        model, lambda layers: layers[len(layers) - n_layers :], generator, new=signed
    )


@randomise_layers.misconception(
    "the model itself",
    "The randomisation is right, but the caller's own model was changed. Work on "
    "copy.deepcopy(model) and return the copy.",
)
def _(model, n_layers, generator):
    layers = _layers(model)
    with torch.no_grad():
        for layer in layers[len(layers) - n_layers :]:
            for tensor in _own_tensors(layer):
                tensor.copy_(_uniform(tensor, generator))
    return model


@randomise_layers.also("noise added")
def _(model, n_layers, generator):
    def scaled(tensor, generator):
        return tensor * (0.5 + _uniform(tensor, generator))

    return _randomised(
        model, lambda layers: layers[len(layers) - n_layers :], generator, new=scaled
    )


@randomise_layers.misconception(
    "generator ignored",
    "The numbers are random, but not drawn from the generator that was given. Pass generator=generator to "
    "torch.rand or normal_, or whoever calls this cannot repeat it.",
)
def _(model, n_layers, generator):
    own = torch.Generator().manual_seed(0)
    return by_uniform_numbers(model, n_layers, own)


@randomise_layers.misconception(
    "reset instead of randomised",
    "What batch normalisation holds was reset to its beginning, to zeros and ones: constants. Fill every "
    "tensor from the generator, from which reset_parameters() does not draw.",
)
def _(model, n_layers, generator):
    model = copy.deepcopy(model)
    layers = _layers(model)
    for layer in layers[len(layers) - n_layers :]:
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    return model


@randomise_layers.also("reset instead of randomised")
def _(model, n_layers, generator):
    model = by_uniform_numbers(model, n_layers, generator)
    layers = _layers(model)
    for layer in layers[len(layers) - n_layers :]:
        if hasattr(layer, "reset_running_stats"):
            layer.reset_running_stats()
    return model


@randomise_layers.misconception(
    "parameters counted",
    "Single parameters were counted, a weight and a bias as two. Count layers: a layer's weight, bias and "
    "buffers go together.",
)
def _(model, n_layers, generator):
    model = copy.deepcopy(model)
    parameters = list(model.parameters())
    with torch.no_grad():
        for parameter in parameters[len(parameters) - n_layers :]:
            parameter.copy_(_uniform(parameter, generator))
    return model


@randomise_layers.misconception(
    "some kinds of layers only",
    "Not every layer was counted, only convolutions and linear ones, or only those without parts. Every "
    "module that holds parameters of its own is a layer, batch normalisation and whole blocks included.",
)
def _(model, n_layers, generator):
    def choose(layers):
        kinds = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)]
        return kinds[max(0, len(kinds) - n_layers) :]

    return _randomised(model, choose, generator)


@randomise_layers.also("some kinds of layers only")
def _(model, n_layers, generator):
    def choose(layers):
        whole = [layer for layer in layers if not list(layer.children())]
        return whole[max(0, len(whole) - n_layers) :]

    return _randomised(model, choose, generator)


@randomise_layers.also("children instead of layers")
def _(model, n_layers, generator):
    model = copy.deepcopy(model)
    blocks = [module for module in model.modules() if list(module.parameters())]
    with torch.no_grad():
        for block in blocks[len(blocks) - n_layers :]:
            for layer in block.modules():
                for tensor in _own_tensors(layer):
                    tensor.copy_(_uniform(tensor, generator))
    return model


@randomise_layers.misconception(
    "one layer too many or too few",
    "The number of layers is off by one: the top n_layers, no more and no fewer.",
)
def _(model, n_layers, generator):
    return _randomised(
        model, lambda layers: layers[max(0, len(layers) - n_layers - 1) :], generator
    )


@randomise_layers.also("one layer too many or too few")
def _(model, n_layers, generator):
    return _randomised(
        model,
        lambda layers: layers[len(layers) - n_layers + 1 :] if n_layers else [],
        generator,
    )


# The same mistakes in other forms: other layers are chosen, other tensors, other numbers.
def _top(layers, n_layers):
    return layers[max(0, len(layers) - n_layers) :]


def _form(choose=_top, tensors=_own_tensors, new=_uniform):
    def answer(model, n_layers, generator):
        return _randomised(
            model, lambda layers: choose(layers, n_layers), generator, new=new, tensors=tensors
        )

    return answer


def _parameters(layer):
    return list(layer.parameters(recurse=False))


def _weights(layer):
    return [tensor for tensor in _own_tensors(layer) if tensor is not getattr(layer, "bias", None)]


def _matrices(layer):
    return [tensor for tensor in _parameters(layer) if tensor.dim() > 1]


def _by_attribute(layer, names=("weight", "bias")):
    return [getattr(layer, name) for name in names if getattr(layer, name, None) is not None]


def _without_variance(layer):
    variance = getattr(layer, "running_var", None)
    return [tensor for tensor in _own_tensors(layer) if tensor is not variance]


def _of_kinds(*kinds):
    return lambda layers, n: _top([layer for layer in layers if isinstance(layer, kinds)], n)


def _without_parts(layers, n_layers):
    return _top([layer for layer in layers if not list(layer.children())], n_layers)


def _zeros(tensor, generator):
    return torch.zeros_like(tensor)


CHOICES = {
    "bottom up": [
        lambda layers, n: layers[:n],
        lambda layers, n: layers[: max(0, len(layers) - n)],
        lambda layers, n: [
            layer for layer in layers if isinstance(layer, torch.nn.Conv2d | torch.nn.Linear)
        ][:n],
    ],
    "one layer only": [
        lambda layers, n: layers[-1:],
        lambda layers, n: layers[-1:] if n else [],
        lambda layers, n: layers[::-1][n : n + 1],
    ],
    "all layers": [lambda layers, n: layers],
    "slice from minus n": [lambda layers, n: layers[-n:]],
    "some kinds of layers only": [
        _without_parts,
        _of_kinds(torch.nn.Conv2d, torch.nn.Linear),
    ],
    "one layer too many or too few": [
        lambda layers, n: _top(layers, n + 1),
        lambda layers, n: _top(layers[:-1], n),
    ],
}
for _name, _choices in CHOICES.items():
    for _choice in _choices:
        randomise_layers.also(_name)(_form(_choice))
        randomise_layers.also(_name)(_form(_choice, tensors=_parameters))
        randomise_layers.also(_name)(_form(_choice, tensors=_weights))
for _tensors in (_matrices, lambda layer: _by_attribute(layer, names=("weight",))):
    randomise_layers.also("biases forgotten")(_form(tensors=_tensors))
for _tensors in (_by_attribute, _without_variance):
    randomise_layers.also("buffers forgotten")(_form(tensors=_tensors))
for _tensors in (_own_tensors, _parameters):
    randomise_layers.also("zeros")(_form(lambda layers, n: layers, _tensors, _zeros))
    for _noisy in (
        lambda tensor, generator: tensor + 0.05 * _uniform(tensor, generator),
        lambda tensor, generator: tensor * _uniform(tensor, generator),
        lambda tensor, generator: tensor + _uniform(tensor, generator),
    ):
        randomise_layers.also("noise added")(_form(tensors=_tensors, new=_noisy))


@randomise_layers.also("biases forgotten")
def _(model, n_layers, generator):
    model = _form(tensors=_weights)(model, n_layers, generator)
    for layer in _top(_layers(model), n_layers):
        for bias in _by_attribute(layer, names=("bias",)):
            bias.data.zero_()
    return model


@randomise_layers.also("reset instead of randomised")
def _(model, n_layers, generator):
    """As above, but a generator is used for what is random."""
    model = copy.deepcopy(model)
    for layer in _top(_layers(model), n_layers):
        fresh = _form()(layer, 1, generator) if not hasattr(layer, "running_var") else layer
        if hasattr(layer, "running_var"):
            layer.reset_parameters()
        elif hasattr(layer, "reset_parameters"):
            layer.load_state_dict(fresh.state_dict())
    return model


@randomise_layers.also("reset instead of randomised")
def _(model, n_layers, generator):
    """The matrices are random, all else is zeros and ones."""
    model = _form(tensors=_matrices)(model, n_layers, generator)
    for layer in _top(_layers(model), n_layers):
        for tensor in _own_tensors(layer):
            if tensor.dim() == 1:
                tensor.data.zero_()
    return model


@randomise_layers.also("parameters counted")
def _(model, n_layers, generator):
    model = copy.deepcopy(model)
    weights = [values for name, values in model.named_parameters() if name.endswith("weight")]
    for weight in _top(weights, n_layers):
        weight.data = _uniform(weight, generator)
    return model
