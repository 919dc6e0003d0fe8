"""segprune: structured pruning for semantic segmentation, proved."""
from segprune.graph import trace
from segprune.planning import make_plan
from segprune.surgery import prune, mask
from segprune.cost import cost
from segprune.plan import PrunePlan
from segprune.models import build
