"""A ``LightningModule`` with Lightning's ``grad_norm`` in its hook and a ``CSVLogger``.

What is not this work is turned off: progress bar, checkpoints, the summary of the model. With
``--every-step`` norms are logged as the example in Lightning's documentation logs them, by
``log_dict`` at every step.
"""

import argparse
import csv
import logging
import re
import warnings
from pathlib import Path

import lightning
import torch
import work
from lightning.pytorch.loggers import CSVLogger
from lightning.pytorch.utilities import grad_norm
from torch import nn


class Perceptron(lightning.LightningModule):
    """Trains by SGD and logs the gradients' norms at the logged steps."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__()
        self.arguments = arguments
        self.model = work.perceptron(arguments)
        self.loss_function = nn.CrossEntropyLoss()

    def training_step(self, batch: list[torch.Tensor], _: int) -> torch.Tensor:
        """The loss of a minibatch."""
        images, labels = batch
        loss = self.loss_function(self.model(images), labels)
        if self.arguments.every_step:
            self.log("loss", loss)
        elif self.global_step in self.arguments.logged:
            self.logger.log_metrics({"loss": loss.item()}, step=self.global_step)
        return loss

    def on_before_optimizer_step(self, _: torch.optim.Optimizer) -> None:
        """Log, where Lightning's documentation says to."""
        if self.arguments.every_step:
            self.log_dict(grad_norm(self.model, norm_type=2))
        elif self.global_step in self.arguments.logged:
            # ``log_dict`` would write the last norms again at every step that follows.
            self.logger.log_metrics(grad_norm(self.model, norm_type=2), step=self.global_step)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Plain SGD."""
        return torch.optim.SGD(self.parameters(), lr=self.arguments.learning_rate)


def train(arguments: argparse.Namespace) -> None:
    """Fit."""
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore")
    trainer = lightning.Trainer(
        accelerator="cpu",
        max_epochs=arguments.epochs,
        logger=CSVLogger(arguments.output, name="", version=""),
        log_every_n_steps=1,
        enable_progress_bar=False,
        enable_checkpointing=False,
        enable_model_summary=False,
    )
    trainer.fit(Perceptron(arguments), work.loader(arguments))


def norms(folder: Path) -> dict[int, list[float]]:
    """Norms of the weights' gradients by step, as the file says."""
    found = {}
    with next(folder.rglob("metrics.csv")).open(newline="") as file:
        for row in csv.DictReader(file):
            layers = sorted(
                (int(place[1]), float(value))
                for key, value in row.items()
                if value and (place := re.search(r"norm/(\d+)\.weight$", key))
            )
            if layers:
                found[int(row["step"])] = [value for _, value in layers]
    return found


if __name__ == "__main__":
    work.run(train, norms, __doc__)
