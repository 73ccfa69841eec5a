"""Single-stage face detection with pose: anchors, their targets, the network's parts and its loss."""
