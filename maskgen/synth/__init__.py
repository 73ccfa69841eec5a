"""Procedural heads in the layouts of the real datasets, with labels that are exact (docs/synth.md)."""
