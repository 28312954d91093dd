"""The exercises of lecture 1: gradients."""

from __future__ import annotations

import torch
from torch.nn import functional as F

from course_utils import gradients as references
from course_utils.exercises.exercise import Exercise, WrittenQuestion

class_score = Exercise(
    name="class_score",
    reference=references.class_score,
    teaches="how a network with many classes becomes the function f whose gradient is taken",
    difficulty=1,
    minutes=10,
    points=2,
    hints=(
        "The answer is itself a function: define f inside, and return it without calling it.",
        "model(images) has the shape (N, classes). Which column, and which rows, does f return?",
        "Inside f: compute the logits, and return all rows of the column `target`. No softmax, "
        "and nothing that cuts the gradient.",
    ),
)


@class_score.right_variant
def selected_by_lambda(model, target):
    return lambda images: model(images)[:, target]


@class_score.right_variant
def selected_by_one_hot_product(model, target):
    def f(images):
        logits = model(images)
        return logits @ F.one_hot(torch.tensor(target), logits.shape[1]).to(logits)

    return f


@class_score.right_variant
def selected_image_by_image(model, target):
    def f(images):
        return torch.stack([model(image[None]).squeeze(0)[target] for image in images])

    return f


@class_score.misconception(
    "softmax probability",
    "This is the softmax probability. The exercise asks for the logit, the network's output before "
    "the softmax: a probability also depends on all the other classes.",
)
def _(model, target):
    return lambda images: model(images).softmax(dim=1)[:, target]


@class_score.misconception(
    "log-probability",
    "This is the logarithm of the softmax probability (the negative of the cross-entropy). The "
    "exercise asks for the logit alone.",
)
def _(model, target):
    return lambda images: model(images).log_softmax(dim=1)[:, target]


@class_score.misconception(
    "cross-entropy loss",
    "This is the cross-entropy loss of the class. A loss falls where the score rises; the exercise "
    "asks for the logit.",
)
def _(model, target):
    def f(images):
        labels = torch.full((len(images),), target)
        return F.cross_entropy(model(images), labels, reduction="none")

    return f


@class_score.misconception(
    "all classes",
    "f returns the logits of all classes. Return the column of `target` alone: one number for "
    "each image.",
)
def _(model, target):
    return lambda images: model(images)


@class_score.misconception(
    "row instead of column",
    "This takes a row of the logits, which is one image. The axes are (N, classes): the class is "
    "the second one.",
)
def _(model, target):
    return lambda images: model(images)[target]


@class_score.misconception(
    "sum over the batch",
    "f returns one number for the whole batch. It should return one number for each image.",
)
def _(model, target):
    return lambda images: model(images)[:, target].sum()


@class_score.misconception(
    "the winning class",
    "f returns the largest logit, whichever class it belongs to. It should always return that of "
    "`target`.",
)
def _(model, target):
    return lambda images: model(images).max(dim=1).values


@class_score.misconception(
    "cut from the graph",
    "The numbers are right, but they cannot be differentiated: something (detach, no_grad, item, "
    "numpy) cuts f from the graph. The next exercise needs its gradient.",
)
def _(model, target):
    return lambda images: model(images)[:, target].detach()


vanilla_gradient = Exercise(
    name="vanilla_gradient",
    reference=references.vanilla_gradient,
    teaches="the saliency map that all the others are built on",
    difficulty=2,
    minutes=15,
    points=3,
    hints=(
        "Each score depends on its own image alone. So what is the gradient of the *sum* of the "
        "scores with respect to one of the images?",
        "PyTorch differentiates with respect to tensors that require a gradient. The caller's tensor "
        "should stay as it is, so make a copy that does: images.detach().clone().requires_grad_().",
        "torch.autograd.grad(f(inputs).sum(), inputs) returns a tuple with one gradient.",
    ),
)


@vanilla_gradient.right_variant
def by_autograd_grad(f, images):
    inputs = images.detach().clone().requires_grad_(True)
    return torch.autograd.grad(f(inputs).sum(), inputs)[0]


@vanilla_gradient.right_variant
def by_backward_on_a_leaf(f, images):
    inputs = images.detach().clone().requires_grad_(True)
    f(inputs).sum().backward()
    return inputs.grad


@vanilla_gradient.right_variant
def image_by_image(f, images):
    gradients = []
    for image in images:
        inputs = image[None].clone().requires_grad_(True)
        gradients.append(torch.autograd.grad(f(inputs)[0], inputs)[0])
    return torch.cat(gradients)


@vanilla_gradient.right_variant
def by_function_transform(f, images):
    return torch.func.grad(lambda inputs: f(inputs).sum())(images)


@vanilla_gradient.misconception(
    "absolute value",
    "This is the absolute value of the gradient. The sign says whether more light in a pixel raises "
    "or lowers the score: keep it.",
)
def _(f, images):
    return by_autograd_grad(f, images).abs()


@vanilla_gradient.misconception(
    "mean over the batch",
    "This is the gradient divided by the number of images, as if the mean of the scores had been "
    "differentiated. Use their sum: each image then gets its own gradient.",
)
def _(f, images):
    return by_autograd_grad(f, images) / len(images)


@vanilla_gradient.misconception(
    "only the first image",
    "Only the first image has a gradient; the others are zero. Differentiate the sum of all the "
    "scores, not the first one.",
)
def _(f, images):
    inputs = images.detach().clone().requires_grad_(True)
    return torch.autograd.grad(f(inputs)[0], inputs)[0]


@vanilla_gradient.misconception(
    "gradient times image",
    "This equals the gradient times the image. That is another map; the exercise asks for the "
    "gradient alone.",
)
def _(f, images):
    return by_autograd_grad(f, images) * images


@vanilla_gradient.misconception(
    "sign reversed",
    "This is the negative of the gradient, as one gets from a loss. The gradient of the score points "
    "to where the score *rises*.",
)
def _(f, images):
    return -by_autograd_grad(f, images)


@vanilla_gradient.misconception(
    "sign only",
    "This is the sign of the gradient: how fast the score rises is lost. Return the gradient itself.",
)
def _(f, images):
    return by_autograd_grad(f, images).sign()


@vanilla_gradient.misconception(
    "squared",
    "These are the squares of the gradient. Return the gradient itself, with its sign.",
)
def _(f, images):
    return by_autograd_grad(f, images) ** 2


@vanilla_gradient.misconception(
    "normalised",
    "Each map is divided by its largest magnitude. That is a choice for plotting; it throws away how "
    "strongly the score reacts. Return the gradient as it is.",
)
def _(f, images):
    gradient = by_autograd_grad(f, images)
    return gradient / gradient.abs().amax(dim=(1, 2, 3), keepdim=True)


@vanilla_gradient.misconception(
    "channels averaged",
    "The colour channels are averaged already. Here each channel keeps its own gradient, "
    "(N, C, H, W); averaging is the next exercise.",
)
def _(f, images):
    return by_autograd_grad(f, images).mean(dim=1)


@vanilla_gradient.misconception(
    "largest channel",
    "This is the largest magnitude over the colour channels, as in Simonyan et al. Here each channel "
    "keeps its own signed gradient, (N, C, H, W).",
)
def _(f, images):
    return by_autograd_grad(f, images).abs().amax(dim=1)


@vanilla_gradient.misconception(
    "caller's images changed",
    "The gradient is right, but the caller's images now require a gradient, or carry one. Work on a "
    "copy: images.detach().clone().requires_grad_().",
)
def _(f, images):
    images.requires_grad_(True)
    return torch.autograd.grad(f(images).sum(), images)[0]


@vanilla_gradient.misconception(
    "gradient left on the caller's images",
    "The gradient is right, but backward() was called on the caller's own images, which now carry "
    "it in .grad. Work on a copy: images.detach().clone().requires_grad_().",
)
def _(f, images):
    images.requires_grad_(True)
    f(images).sum().backward()
    return images.grad.clone()


channel_mean = Exercise(
    name="channel_mean",
    reference=references.channel_mean,
    teaches="from a gradient for each colour to one map for each image",
    difficulty=1,
    minutes=5,
    points=1,
    hints=(
        "Which of the axes (N, C, H, W) holds the colours?",
        "Average over that axis, and over no other. Signs stay: no absolute value.",
        "gradients.mean(dim=...) with one number.",
    ),
)


@channel_mean.right_variant
def by_sum_and_count(gradients):
    return gradients.sum(1) / gradients.shape[1]


@channel_mean.right_variant
def by_einsum(gradients):
    return torch.einsum("nchw->nhw", gradients) / gradients.shape[1]


@channel_mean.right_variant
def by_loop(gradients):
    maps = torch.zeros_like(gradients[:, 0])
    for channel in range(gradients.shape[1]):
        maps = maps + gradients[:, channel]
    return maps / gradients.shape[1]


@channel_mean.misconception(
    "magnitudes averaged",
    "The signs were dropped before averaging. Average the signed values: channels that pull in "
    "opposite directions then cancel, as they should.",
)
def _(gradients):
    return gradients.abs().mean(dim=1)


@channel_mean.misconception(
    "magnitude of the mean",
    "This is the magnitude of the mean. Keep the sign: it tells raising from lowering the score.",
)
def _(gradients):
    return gradients.mean(dim=1).abs()


@channel_mean.misconception(
    "largest channel",
    "This is the largest magnitude over the channels, as in Simonyan et al. The lecture takes the "
    "mean.",
)
def _(gradients):
    return gradients.abs().amax(dim=1)


@channel_mean.misconception(
    "sum instead of mean",
    "This is the sum over the channels. Divide by their number.",
)
def _(gradients):
    return gradients.sum(dim=1)


@channel_mean.misconception(
    "axis kept",
    "The numbers are right, but the channel axis is still there, with length 1. The result should "
    "have the shape (N, H, W).",
)
def _(gradients):
    return gradients.mean(dim=1, keepdim=True)


@channel_mean.misconception(
    "wrong axis",
    "This averages over another axis than the colours. The axes are (N, C, H, W): the colours are "
    "axis 1.",
)
def _(gradients):
    return gradients.mean(dim=-1)


@channel_mean.misconception(
    "mean over the batch",
    "This averages over the images. The axes are (N, C, H, W): the colours are axis 1.",
)
def _(gradients):
    return gradients.mean(dim=0)


@channel_mean.misconception(
    "length over the channels",
    "This is the Euclidean length of the colour vector, which is never negative. The lecture takes "
    "the signed mean.",
)
def _(gradients):
    return torch.linalg.vector_norm(gradients, dim=1)


logistic_gradient = Exercise(
    name="logistic_gradient",
    reference=references.logistic_gradient,
    teaches="why a linear classifier gives the same map for every image",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "Write f(I) = σ(z) with z = w·I + b, and use the chain rule: ∇f = σ'(z) ∇z.",
        "σ'(z) = σ(z) (1 − σ(z)), one number for each image. What is ∇z?",
        "Compute z, with shape (N,), then the N slopes; give them the axes (N, 1, 1, 1) and multiply "
        "by the weights.",
    ),
)


@logistic_gradient.right_variant
def by_chain_rule(weights, bias, images):
    p = torch.sigmoid((images * weights).flatten(1).sum(1) + bias)
    return (p * (1 - p)).view(-1, 1, 1, 1) * weights


@logistic_gradient.right_variant
def by_differentiation(weights, bias, images):
    def f(inputs):
        return torch.sigmoid(torch.tensordot(inputs, weights, dims=3) + bias)

    return by_autograd_grad(f, images)


@logistic_gradient.right_variant
def one_image_at_a_time(weights, bias, images):
    slopes = [torch.sigmoid((image * weights).sum() + bias) for image in images]
    return torch.stack([p * (1 - p) * weights for p in slopes])


def _probabilities(weights, bias, images):
    return torch.sigmoid((images * weights).sum(dim=(1, 2, 3)) + bias).view(-1, 1, 1, 1)


@logistic_gradient.misconception(
    "gradient of the logit",
    "This is w itself for every image: the gradient of the logit w·I + b. The exercise asks for the "
    "gradient of the probability, σ of that, so the slope of σ is missing.",
)
def _(weights, bias, images):
    return weights.expand_as(images).clone()


@logistic_gradient.misconception(
    "logit's gradient, one map",
    "This is w, without an axis for the images. The result should be (N, C, H, W): the slope of σ, "
    "which differs from image to image, times w.",
)
def _(weights, bias, images):
    return weights.clone()


@logistic_gradient.misconception(
    "slope without 1 − p",
    "This is p·w. The slope of the sigmoid is p·(1 − p): where p is near 1 it is flat.",
)
def _(weights, bias, images):
    return _probabilities(weights, bias, images) * weights


@logistic_gradient.misconception(
    "slope without p",
    "This is (1 − p)·w, the gradient of log p. The slope of the sigmoid itself is p·(1 − p).",
)
def _(weights, bias, images):
    return (1 - _probabilities(weights, bias, images)) * weights


@logistic_gradient.misconception(
    "gradient of the loss",
    "This is (p − 1)·w, the gradient of the cross-entropy loss. The exercise asks for the gradient "
    "of the probability: p·(1 − p)·w.",
)
def _(weights, bias, images):
    return (_probabilities(weights, bias, images) - 1) * weights


@logistic_gradient.misconception(
    "bias forgotten",
    "The bias is missing in the logit. It shifts the probability, and with it the slope of σ.",
)
def _(weights, bias, images):
    p = _probabilities(weights, 0.0, images)
    return p * (1 - p) * weights


@logistic_gradient.misconception(
    "derivative with respect to the weights",
    "This is p·(1 − p)·I, the derivative with respect to the weights, as training needs it. A "
    "saliency map is the derivative with respect to the image.",
)
def _(weights, bias, images):
    p = _probabilities(weights, bias, images)
    return p * (1 - p) * images


@logistic_gradient.misconception(
    "gradient times image",
    "This is the gradient times the image. The exercise asks for the gradient alone.",
)
def _(weights, bias, images):
    p = _probabilities(weights, bias, images)
    return p * (1 - p) * weights * images


@logistic_gradient.misconception(
    "one slope for the batch",
    "All images got the same slope. Each image has its own probability, and so its own slope.",
)
def _(weights, bias, images):
    p = torch.sigmoid((images * weights).sum() + bias)
    return (p * (1 - p) * weights).expand_as(images).clone()


steepest_step = Exercise(
    name="steepest_step",
    reference=references.steepest_step,
    teaches="what the gradient answers: the best small change of a given length",
    difficulty=2,
    minutes=15,
    points=2,
    hints=(
        "To first order a step r gains ∇f·r. Among all r of one length, which makes that largest?",
        "By the Cauchy–Schwarz inequality it is the one along the gradient. Scale each image's "
        "gradient to the L2 norm `length`.",
        "The norm of each image is taken over its axes 1, 2 and 3: "
        "torch.linalg.vector_norm(gradient, dim=(1, 2, 3), keepdim=True).",
    ),
)


@steepest_step.right_variant
def by_normalising(f, images, length):
    return length * F.normalize(by_autograd_grad(f, images).flatten(1), dim=1).view_as(images)


@steepest_step.right_variant
def by_root_of_squares(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / (g**2).sum(dim=(1, 2, 3), keepdim=True).sqrt()


@steepest_step.right_variant
def each_image_by_itself(f, images, length):
    return torch.stack([length * g / g.norm() for g in by_autograd_grad(f, images)])


@steepest_step.misconception(
    "not normalised",
    "This is length times the gradient, whose own norm is not 1. Divide by the norm, so that the "
    "step has the L2 norm `length`.",
)
def _(f, images, length):
    return length * by_autograd_grad(f, images)


@steepest_step.misconception(
    "norm over the batch",
    "The steps were divided by the norm of the whole batch, so that each is shorter than `length`. "
    "Each image needs its own norm.",
)
def _(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / g.norm()


@steepest_step.misconception(
    "norm over each channel",
    "Each channel was scaled by itself. The norm of an image runs over its channels too: axes 1, 2 "
    "and 3.",
)
def _(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / torch.linalg.vector_norm(g, dim=(2, 3), keepdim=True)


@steepest_step.misconception(
    "sign of the gradient",
    "This is length times the sign of the gradient: the best step for the L∞ norm, where no pixel "
    "may change by more than `length` (lecture 6). Here the L2 norm is given.",
)
def _(f, images, length):
    return length * by_autograd_grad(f, images).sign()


@steepest_step.misconception(
    "sign of the gradient, scaled",
    "This has the right L2 norm, but it follows the sign of the gradient and not the gradient: "
    "pixels that hardly matter get as much as those that matter most.",
)
def _(f, images, length):
    step = by_autograd_grad(f, images).sign()
    return length * step / torch.linalg.vector_norm(step, dim=(1, 2, 3), keepdim=True)


@steepest_step.misconception(
    "descent",
    "This step goes down: it is the best one to *lower* the score. Fundamental Question 2 asks for "
    "the largest gain.",
)
def _(f, images, length):
    return -by_normalising(f, images, length)


@steepest_step.misconception(
    "squared norm",
    "The gradient was divided by its squared norm. Divide by the norm itself.",
)
def _(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / (g**2).sum(dim=(1, 2, 3), keepdim=True)


@steepest_step.misconception(
    "L1 norm",
    "The step has the L1 norm `length` (the sum of the magnitudes). The exercise asks for the L2 "
    "norm, the root of the sum of the squares.",
)
def _(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / g.abs().sum(dim=(1, 2, 3), keepdim=True)


@steepest_step.misconception(
    "largest pixel",
    "The gradient was divided by its largest magnitude, so that one pixel changes by `length`. The "
    "exercise asks for the L2 norm `length`.",
)
def _(f, images, length):
    g = by_autograd_grad(f, images)
    return length * g / g.abs().amax(dim=(1, 2, 3), keepdim=True)


@steepest_step.misconception(
    "the moved image",
    "This is the image after the step. The exercise asks for the step alone.",
)
def _(f, images, length):
    return images + by_normalising(f, images, length)


which_question = WrittenQuestion(
    name="which_question",
    teaches="saying what a saliency map answers, and what it does not",
    minutes=15,
    points=4,
    rubric=(
        (
            4,
            "Names the question that is answered and the one that is not, gives a reason for the "
            "difference, and an example that is worked out.",
        ),
        (3, "Names both, with either a reason or an example."),
        (2, "Names both, without a reason or an example."),
        (1, "Says how the gradient is computed, or takes it to answer both questions."),
        (0, "No answer, or one that has nothing to do with the gradient."),
    ),
)
