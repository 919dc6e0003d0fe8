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


class EinsumHeads(Block):
    """Attention as papers write it: one einsum for the similarities, one for the sums."""

    watch = ("conv.0", "qkv")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.heads, self.qkv = 4, nn.Conv2d(cout, 3 * cout, 1)
        self.out = nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, _, h, w = x.shape
        q, k, v = (t.reshape(n, self.heads, -1, h * w) for t in self.qkv(x).chunk(3, 1))
        weights = torch.einsum("bhdi,bhdj->bhij", q, k).softmax(-1)
        y = torch.einsum("bhij,bhdj->bhdi", weights, v)
        return x + self.out(y.reshape(n, -1, h, w))


class EinsumForms(Block):
    """An ellipsis, a result that is not named, an outer product, and three factors."""

    watch = ("conv.0", "a")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.a, self.mix = nn.Conv2d(cout, cout, 1), nn.Parameter(torch.randn(cout, cout) / cout)
        self.last = nn.Linear(cout, cout)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        mixed = torch.einsum("nc...,dc->nd...", self.a(x), self.mix)
        scales = torch.einsum("nchw,nc->n c", x, x.mean((2, 3)))
        gate = torch.einsum("nc,nc,nc->nc", scales.sigmoid(), mixed.mean((2, 3)), scales)
        y = torch.einsum("nc,nchw->nhwc", gate, mixed)
        return x + torch.einsum("nhwc->nchw", self.last(y))


class Rearranged(Attention):
    """Patterns of einops, by what they come down to: reshape, permute, reshape."""

    watch = ("conv.0", "v")

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        n, _, h, w = x.shape
        q, k, v = (self.apart(f(x)) for f in (self.q, self.k, self.v))
        weights = torch.einsum("bhid,bhjd->bhij", q, k).softmax(-1)
        y = torch.einsum("bhij,bhjd->bhid", weights, v)
        y = y.permute(0, 1, 3, 2)  # b h (x y) d -> b (h d) x y
        return x + self.out(y.reshape(n, y.shape[1] * y.shape[2], h, w))

    def apart(self, x: Tensor) -> Tensor:
        """`b (h d) x y -> b h (x y) d` for two heads."""
        n, c, h, w = x.shape
        x = x.reshape(n, 2, c // 2, h, w).permute(0, 1, 3, 4, 2)
        return x.reshape(n, 2, h * w, c // 2)


class HeadsOfTheInput(Block):
    """The width of a head is computed from the input's channels; positions have a bias."""

    watch = ("conv.0", "v")

    def __init__(self, cin: int, cout: int):
        super().__init__(cin, cout)
        self.q, self.k, self.v = (nn.Conv2d(cout, cout, 1) for _ in range(3))
        self.bias = nn.Parameter(torch.randn(2, 16) / 4)
        self.register_buffer("places", torch.arange(64).view(64, 1).add(torch.arange(64)) % 16)
        self.out = nn.Conv2d(cout, cout, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        small = F.adaptive_avg_pool2d(x, 8)
        n, c, h, w = small.shape
        q, k, v = (f(small).reshape(n, 2, c // 2, h * w) for f in (self.q, self.k, self.v))
        weights = (q.transpose(-2, -1) @ k + self.bias[:, self.places]).softmax(-1)
        y = self.out((v @ weights.transpose(-2, -1)).reshape(n, c, h, w))
        return x + F.interpolate(y, size=x.shape[-2:])
