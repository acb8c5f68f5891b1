"""VGG-19 (Simonyan & Zisserman 2015, table 1, column E), as a user would write it.

Sixteen 3×3 convolutions and three linear layers, ReLU, no normalisation. The paper says that deep
ones stall unless their first layers come from a shallower one that was trained.
"""

from torch import nn

STAGES = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))  # channels, convolutions


def build(input_shape, classes, *, divisor=4, hidden=256):
    """The network for (channels, rows, columns), its channels divided by ``divisor``."""
    layers, n_in = [], input_shape[0]
    for channels, convolutions in STAGES:
        for _ in range(convolutions):
            layers += [nn.Conv2d(n_in, channels // divisor, 3, padding=1), nn.ReLU(inplace=True)]
            n_in = channels // divisor
        layers.append(nn.MaxPool2d(2, ceil_mode=True))
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(n_in, hidden), nn.ReLU(inplace=True),
        nn.Linear(hidden, hidden), nn.ReLU(inplace=True),
        nn.Linear(hidden, classes),
    )  # fmt: skip
