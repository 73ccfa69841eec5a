"""Training and evaluating head-pose networks; with the face detector, the one part that uses torch.

Nothing is imported here, so that naming the package costs nothing. The parts:

    rotations.py   rotations as tensors: Euler angles, 6D, projection on SO(3), geodesic distance
    bins.py        angle bins (Hopenet, WHENet, rank levels)
    losses.py      losses more than one network uses
    contract.py    what a network takes, gives and says about itself
    registry.py    the networks by name
    models/        the networks, one file each; a new file is found with no edit elsewhere
    nn/            backbones and layers
    importers/     released weights of other frameworks
"""
