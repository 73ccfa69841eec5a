"""Pure geometry: rotations, poses, cameras, landmarks and the maps that move them together."""
