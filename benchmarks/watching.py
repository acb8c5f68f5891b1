"""What watching every tenth step adds to training resnet18 on 32 × 32 images, as processor time.

    python benchmarks/watching.py [rounds]

Plain and watched steps take turns, so that a busy machine slows both.
"""

import statistics
import sys
import time

import torch
from torch.nn import functional
from torchvision.models import resnet18

from gradient_atlas import watch

EVERY, BATCH, WATCHED = 10, 128, 32  # steps between looks, examples of an update and of a look


def seconds(steps: int, watched: bool) -> float:
    """Processor time of so many updates, of which every tenth is watched."""
    torch.manual_seed(0)
    model = resnet18(num_classes=10)
    images, labels = torch.randn(BATCH, 3, 32, 32), torch.arange(BATCH) % 10
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    batch = images[:WATCHED], labels[:WATCHED]
    with watch(model, batch, every=EVERY if watched else 10**9) as watching:
        start = time.process_time()
        for _ in range(steps):
            optimizer.zero_grad()
            functional.cross_entropy(model(images), labels).backward()
            optimizer.step()
            watching.step()
        return time.process_time() - start


if __name__ == "__main__":
    torch.set_num_threads(1)
    ratios = []
    for _ in range(int(sys.argv[1]) if len(sys.argv) > 1 else 5):
        plain, watched = seconds(EVERY, False), seconds(EVERY, True)
        ratios.append(watched / plain)
        print(f"{plain / EVERY:.3f} s a step, watched {watched / EVERY:.3f}: {ratios[-1]:.3f}")
    print(f"median ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})")
