"""Backbones and layers the networks are built of. State-dict names follow torchvision (or the released code
where torchvision has no such network), so that published ImageNet weights load; neither torchvision nor timm
is needed.
"""
