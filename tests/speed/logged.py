"""Networks that write down when they run."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


class Log(list[str]):
    """What ran, in order; the copies that are measured share it."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Log:
        return self


class Logged(nn.Module):
    """Writes its name down when it runs."""

    def __init__(self, name: str, log: Log) -> None:
        super().__init__()
        self.name, self.scale = name, nn.Parameter(torch.ones(()))
        self.dropout = nn.Dropout(0.5)
        self.log = log

    def forward(self, x: Tensor) -> Tensor:
        assert not self.training
        assert torch.is_inference_mode_enabled()
        self.log.append(self.name)
        return self.dropout(x * self.scale)
