"""Train the network as it is and mended, watched: which one learns?"""

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from vgg import build

from gradient_atlas import watch

file = np.load("images.npz")
images = torch.from_numpy(file["images"]).float()[:, None]
images, labels = (images - images.mean()) / images.std(), torch.from_numpy(file["labels"])

for name, variance in (("as it is", None), ("mended", 2.0)):
    torch.manual_seed(0)
    model = build((1, 28, 28), 10)
    if variance is not None:
        layers = [part for part in model if isinstance(part, nn.Conv2d | nn.Linear)]
        for layer in layers[:-1]:
            nn.init.normal_(layer.weight, std=(variance / layer.weight[0].numel()) ** 0.5)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    with watch(
        model, (images[:128], labels[:128]), path=f"watched_{name.replace(' ', '_')}"
    ) as watching:
        for step in range(60):
            rows = slice(64 * step % 4800, 64 * step % 4800 + 64)
            optimizer.zero_grad()
            functional.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimizer.step()
            watching.step()
    table = watching.table()
    first = table[table.layer == 1].weight_gradient_norm
    print(f"{name}: loss {table.loss.iloc[0]:.2f} to {table.loss.iloc[-1]:.2f}, "
          f"first layer's gradient {first.iloc[0]:.1e} to {first.iloc[-1]:.1e}")  # fmt: skip
