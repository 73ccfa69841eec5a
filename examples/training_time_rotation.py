"""Rotation and flip at training time: one picture in NumPy, or a batch on the GPU where there is one.

python examples/training_time_rotation.py
"""

from __future__ import annotations

import numpy as np

import rotaug

turn = rotaug.RandomRotation((-45, 45), pivot="face", border="replicate", seed=7)
flip = rotaug.RandomFlip(0.5, seed=7)

# one picture, as in a dataset's __getitem__: angles are (yaw, pitch, roll) in degrees
image = np.full((224, 224, 3), 128, np.uint8)
pose, box = np.array([30.0, -10.0, 5.0]), np.array([60.0, 50.0, 170.0, 180.0])
out = turn(image, pose, box=box)
print(
    f"turned by {out.theta_deg:.1f}: yaw {out.pose[0]:.1f}, pitch {out.pose[1]:.1f}, roll {out.pose[2]:.1f}"
)

# the same angle again for the same key, whatever came before: epoch 3, sample 17
assert turn(image, key=(3, 17)).theta_deg == turn(image, key=(3, 17)).theta_deg

try:
    import torch
except ImportError:
    print("no torch here, so no batches")
else:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    images = torch.rand(8, 3, 224, 224, device=device)
    poses = torch.tensor([[30.0, -10.0, 5.0]], device=device).repeat(8, 1)
    boxes = torch.tensor([[60.0, 50.0, 170.0, 180.0]], device=device).repeat(8, 1)
    flipped = flip(images, poses, box=boxes)
    turned = turn(flipped.image, flipped.pose, box=flipped.box)
    for theta, mirrored, label in zip(turned.theta_deg, flipped.flipped, turned.pose.tolist(), strict=True):
        print(f"{'mirrored, ' if mirrored else ''}turned by {theta:.1f}: {[round(v, 1) for v in label]}")
