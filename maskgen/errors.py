"""Every error maskgen raises on purpose.

    MaskgenError                  base; a message fit to be shown as it is
    ├── UsageError                the call is wrong: an option, a path, a recipe key      (exit code 2)
    │   ├── DatasetNotFound       no dataset where it was looked for
    │   └── MissingDependency     an optional library is needed; the message has the install command
    └── InputError                one input (image, label, calibration) cannot be used    (batch goes on)
        ├── ImageError            the picture cannot be decoded or encoded
        ├── LabelError            a label file is missing, corrupt or says the impossible
        └── LandmarkError         no usable landmarks, or they disagree with the label

A message names what was wrong, what was accepted and what to do next, in one line.
"""

from __future__ import annotations


class MaskgenError(Exception):
    """Base of all errors maskgen raises on purpose; its text is fit for a user."""


class UsageError(MaskgenError):
    """The call is wrong; nothing was done. Command lines end with exit code 2."""


class DatasetNotFound(UsageError):
    """No dataset was found in any of the places that were tried."""


class MissingDependency(UsageError):
    """An optional library is not installed; the message carries the install command."""


class InputError(MaskgenError):
    """One input cannot be used; a batch records it as failed and goes on."""


class ImageError(InputError):
    """A picture cannot be decoded or encoded."""


class LabelError(InputError):
    """A label file is missing, corrupt, or holds values that cannot be."""


class LandmarkError(InputError):
    """No usable landmarks, or landmarks that disagree with the labelled pose."""
