"""Makes docs/maps.webp, the picture of the README: python docs/maps.py"""

from pathlib import Path

import torch

from course_utils.activation_maps import gradcam
from course_utils.classifiers import class_score, load_classifier
from course_utils.gradients import channel_mean, vanilla_gradient
from course_utils.integrated_gradients import integrated_gradients
from course_utils.photos import load_photo
from course_utils.plotting import plot_signed_maps
from course_utils.smoothgrad import noise_std, smoothgrad

network, photo, target = (
    load_classifier("efficientnet_lite0"),
    load_photo("chelsea"),
    "Egyptian cat",
)
f = class_score(network, target)
generator = torch.Generator().manual_seed(0)
sigma = noise_std(photo, 0.15)
maps = {
    "gradient": channel_mean(vanilla_gradient(f, photo)),
    "SmoothGrad": channel_mean(smoothgrad(f, photo, sigma, 50, generator)),
    "integrated gradients": channel_mean(
        integrated_gradients(f, photo, torch.zeros_like(photo), 50)
    ),
    "Grad-CAM": gradcam(network, "network.features", photo, target),
}
scaled = torch.cat([m / m.abs().flatten().quantile(0.99) for m in maps.values()])
figure = plot_signed_maps(
    scaled,
    list(maps),
    image=photo,
    unit="relative value",
    alt="A cat's face and four maps of it: two fields of fine grains, one of them with clusters at eyes and nose, a third that follows the fur, and one smooth bright patch.",
    caption="One photo, one network, one decision, four maps.",
)
Path(__file__).with_name("maps.webp").write_bytes(figure.webp())
