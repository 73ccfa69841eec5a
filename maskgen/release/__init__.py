"""Releases: what may be published of a masked dataset, and how the same bytes are made from it again."""
