"""A Lightning module in a file of its own, as users keep theirs."""

from __future__ import annotations

import lightning
import torch


class LightningNet(lightning.LightningModule):
    """Notes its arguments, as Lightning recommends."""

    def __init__(self, width: int = 3) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.layers = torch.nn.Sequential(torch.nn.Linear(4, width), torch.nn.Linear(width, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)
