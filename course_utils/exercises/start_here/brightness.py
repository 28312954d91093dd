"""The exercise `brightness`: what it asks for, right answers of other kinds, and misconceptions."""

from __future__ import annotations

from course_utils.exercises.exercise import Exercise
from course_utils.scores import brightness as reference

brightness = Exercise(
    name="brightness",
    reference=reference,
    teaches="what a score function is, and how an exercise works",
    difficulty=1,
    minutes=5,
    points=1,
    hints=(
        "A batch has the axes (N, C, H, W). Which of them should be gone in the result?",
        "A tensor's mean takes the axes to average over: tensor.mean(dim=...).",
        "Average over the axes 1, 2 and 3 at once, and leave axis 0, the images, as it is.",
    ),
)


@brightness.right_variant
def flattened(images):
    return images.flatten(1).mean(1)


@brightness.right_variant
def one_by_one(images):
    return images.new_tensor([image.mean().item() for image in images])


@brightness.misconception(
    "mean over the batch",
    "This is one number for the whole batch. The exercise asks for one number for each image: "
    "leave axis 0 out of the mean.",
)
def _(images):
    return images.mean()


@brightness.misconception(
    "sum instead of mean",
    "These are the sums of the pixel values. Divide by their number, C·H·W, to get the mean.",
)
def _(images):
    return images.sum(dim=(1, 2, 3))


@brightness.misconception(
    "one value per channel",
    "There is still one value for each channel. A score is one number for each image: average "
    "over the channels too.",
)
def _(images):
    return images.mean(dim=(2, 3))


@brightness.misconception(
    "axes kept",
    "The numbers are right, but the averaged axes are still there, with length 1. The result "
    "should have the shape (N,): leave out keepdim.",
)
def _(images):
    return images.mean(dim=(1, 2, 3), keepdim=True)


@brightness.misconception(
    "maximum instead of mean",
    "This is the brightest value of each image. The exercise asks for the mean.",
)
def _(images):
    return images.amax(dim=(1, 2, 3))


@brightness.misconception(
    "only the first image",
    "This gives the first image's brightness for every image. Average each image by itself.",
)
def _(images):
    return images[0].mean().expand(len(images))
