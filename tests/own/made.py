"""One's own data and networks for a test: scikit-learn's digits as files, and files of networks."""

from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits

NET = """
from torch import nn


class Net(nn.Module):
    def __init__(self, channels, size, classes):
        super().__init__()
        self.first = nn.Conv2d(channels, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.drop = nn.Dropout(0.3)
        self.last = nn.Linear(4 * size * size, classes)

    def forward(self, x):
        x = self.norm(self.first(x)).relu()
        return self.last(self.drop(x.view(len(x), -1)))
"""


def picture(path: Path, size: tuple[int, int] = (8, 8), mode: str = "L", shade: int = 0) -> Path:
    """An image of one shade."""
    path.parent.mkdir(parents=True, exist_ok=True)
    colour = shade if mode in ("L", "I;16") else (shade, 0, 0)
    Image.new(mode, size, colour).save(path)
    return path


def digits_folder(root: Path, each: int = 12, classes: int = 4) -> Path:
    """So many images of each of the first digits, in a folder a class."""
    digits = load_digits(n_class=classes)
    for name in range(classes):
        for i, image in enumerate(digits.images[digits.target == name][:each]):
            path = root / f"digit {name}" / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((image * 15).astype("uint8")).save(path)
    return root


def network(folder: Path, text: str = NET, name: str = "Net") -> str:
    """A file with that text, as a config names a network in it."""
    path = folder / "model.py"
    path.write_text(text)
    return f"{path}:{name}"
