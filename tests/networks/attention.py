"""Attention by view and matmul, and its scales."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .base import Block


class Attention(Block):
    """Non-local block, by view and matmul, sizes read from the tensors themselves."""

    watch = ("q", "v")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.q, self.k = nn.Conv2d(cout, cout // 2, 1), nn.Conv2d(cout, cout // 2, 1)
        self.v, self.out = nn.Conv2d(cout, cout, 1), nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, _, h, w = x.shape
        q, k, v = self.q(x).flatten(2), self.k(x).flatten(2), self.v(x).flatten(2)
        weights = torch.softmax(q.transpose(1, 2) @ k, dim=-1)
        return x + self.out((v @ weights.transpose(1, 2)).view(n, -1, h, w))


class HeadsByShape(Attention):
    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, _, h, w = x.shape
        q, k, v = (f(x).view(n, 4, -1, h * w) for f in (self.q, self.k, self.v))
        weights = torch.softmax(q.transpose(-2, -1) @ k, dim=-1)
        return x + self.out((v @ weights.transpose(-2, -1)).reshape(n, -1, h, w))


class HeadsStored(Attention):
    """The head's width is an attribute; the engine may rewrite it or freeze it."""

    watch = ()

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.heads, self.key_dim, self.head_dim = 4, cout // 8, cout // 4

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, _, h, w = x.shape
        q = self.q(x).view(n, self.heads, self.key_dim, h * w)  # in the way
        k = self.k(x).view(n, self.heads, self.key_dim, h * w)  # in the way
        v = self.v(x).view(n, self.heads, self.head_dim, h * w)  # in the way
        y = v @ torch.softmax(q.transpose(-2, -1) @ k, dim=-1).transpose(-2, -1)
        return x + self.out(y.reshape(n, self.heads * self.head_dim, h, w))  # in the way


class LinearAttention(Attention):
    """Contracts over positions; a softmax of zeros is not zero, so that q and k must stay."""

    watch = ("v",)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, _, h, w = x.shape
        q, k, v = self.q(x).flatten(2), self.k(x).flatten(2), self.v(x).flatten(2)
        context = F.softmax(k, dim=-1) @ v.transpose(1, 2)
        y = torch.einsum("ncd,ncp->ndp", context, F.softmax(q, dim=-1))
        return x + self.out(y.reshape(n, -1, h, w))


class ScaledByShape(Attention):
    """1/sqrt(C) is another number in the copy."""

    watch = ("q", "k")

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        q, k, v = self.q(x).flatten(2), self.k(x).flatten(2), self.v(x).flatten(2)
        weights = torch.softmax((q.transpose(1, 2) @ k) * q.shape[1] ** -0.5, -1)  # in the way
        return x + self.out((v @ weights.transpose(1, 2)).view_as(x))


class DefaultScale(Attention):
    watch = ("q", "k")

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        q, k, v = (f(x).flatten(2).transpose(1, 2) for f in (self.q, self.k, self.v))
        y = F.scaled_dot_product_attention(q, k, v)  # in the way
        return x + self.out(y.transpose(1, 2).reshape(x.shape))


class GivenScale(Attention):
    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, _, h, w = x.shape
        q, k, v = (f(x).flatten(2).transpose(1, 2) for f in (self.q, self.k, self.v))
        y = F.scaled_dot_product_attention(q, k, v, scale=0.25)
        return x + self.out(y.transpose(1, 2).reshape(n, -1, h, w))


class MultiheadModule(Block):
    watch = ()  # the module asserts its own stored width

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.attention = nn.MultiheadAttention(cout, 4, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        tokens = x.flatten(2).transpose(1, 2)
        y, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return x + y.transpose(1, 2).reshape(x.shape)
