"""The matrix-Fisher distribution on rotations."""

from .matrix_fisher import fisher_mode, log_normaliser, negative_log_likelihood, proper_svd

__all__ = ["fisher_mode", "log_normaliser", "negative_log_likelihood", "proper_svd"]
