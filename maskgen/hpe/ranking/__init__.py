"""Learning to rank poses: pairs, their losses, and the degradations they are trained under."""

from .degrade import degrade
from .pairs import Ensemble, all_pairs

__all__ = ["Ensemble", "all_pairs", "degrade"]
