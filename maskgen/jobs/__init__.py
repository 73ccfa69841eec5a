"""Batch machinery shared by maskgen and rotaug: random streams, outcomes, manifests, parallel shards."""
