"""Small hand-written networks, one construct each.

A *block* takes `(cin, cout)` and maps `(N, cin, H, W)` to `(N, cout, H, W)`; `Host` puts it between
a stem and a classifier. A *network* is a whole model with its own example inputs. `watch` names the
layers whose channels the construct decides about, relative to the block (absolute in a network);
the comment `# in the way` marks the line that a reason has to name.
"""

from .base import WIDTH, Block, ConvNormAct, Host
from .catalogue import FREE, GUARDED, LITERAL, MIXING, NETWORKS, REFUSED, Construct, constructs
from .whole import Network

__all__ = [
    "FREE",
    "GUARDED",
    "LITERAL",
    "MIXING",
    "NETWORKS",
    "REFUSED",
    "WIDTH",
    "Block",
    "Construct",
    "ConvNormAct",
    "Host",
    "Network",
    "constructs",
]
