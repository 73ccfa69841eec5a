"""Mask styles shipped with maskgen: one folder a style, read through importlib.resources."""
