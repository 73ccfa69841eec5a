"""maskgen: masked and rotated twins of head-pose datasets."""

__version__ = "0.1.0"
