"""Small networks for the tests: everything that trips methods up, in milliseconds."""

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from course_utils.garments import load_garments


class SmallCNN(nn.Module):
    """Batch normalisation, in-place ReLU, a residual connection, dropout, GAP and one linear."""

    def __init__(self, channels: int = 3, classes: int = 5, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Conv2d(channels, width, 3, padding=1, stride=2)
        self.norm = nn.BatchNorm2d(width)
        self.act = nn.ReLU(inplace=True)
        self.branch = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.ReLU(inplace=True)
        self.drop = nn.Dropout(0.5)
        self.classify = nn.Linear(width, classes)

    def forward(self, images):
        features = self.act(self.norm(self.stem(images)))
        features = self.last(self.branch(features) + features)
        return self.classify(self.drop(features.mean(dim=(2, 3))))


def small_cnn(channels=3, dtype=torch.float64, seed=0) -> SmallCNN:
    """In evaluation mode, with batch statistics that are not those of a fresh network."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = SmallCNN(channels)
        model.norm.running_mean.uniform_(-0.2, 0.2)
        model.norm.running_var.uniform_(0.2, 0.6)
    return model.to(dtype).eval()


def some_images(n=2, channels=3, height=12, width=9, dtype=torch.float64, seed=1):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, channels, height, width, generator=generator, dtype=dtype)


def trained_cnn() -> nn.Module:
    """A network that has learned garments, for claims that hold for trained networks only."""
    garments = load_garments()
    images, labels = garments.images[:, None], garments.labels
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Conv2d(1, 16, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * 49, 10),
        )
        optimiser = torch.optim.Adam(model.parameters(), 2e-3)
        for _ in range(5):
            for rows in torch.randperm(len(images)).split(64):
                optimiser.zero_grad()
                cross_entropy(model(images[rows]), labels[rows]).backward()
                optimiser.step()
        optimiser.zero_grad()
    return model.eval()


def cubes(images):
    """f(I) = Σ I³, with the gradient 3 I²."""
    return (images**3).sum(dim=(1, 2, 3))
