"""Which labelled images a batch is compared with (MHPE reference selection)."""

from .selectors import METHODS, ReferenceSelector, Selection, allot, bin_weights, in_batch_weights

__all__ = ["METHODS", "ReferenceSelector", "Selection", "allot", "bin_weights", "in_batch_weights"]
