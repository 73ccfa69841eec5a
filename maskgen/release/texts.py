"""What a release says about itself in words; the card and Croissant take it from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..datasets.registry import plain
from .licence import SYNTH, TERMS

if TYPE_CHECKING:
    from .gather import Content

_ADDRESSES = {
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
}

_OF_MASKS = (
    "Masks are painted by a program. They do not press on the face, fog glasses, or hide what the photo's "
    "own hands and hair would hide in front of them in every case; look at quality and reasons.",
    "A mask follows the pose label and landmarks of the original; where these are wrong, so is the mask.",
    "Errors measured on painted masks are no proof of errors on worn ones.",
)
_OF_BYTES = (
    "The same bytes need the same versions of the libraries in release.json; other versions may round "
    "otherwise, and rebuilding then names every picture that differs."
)
_LABELS = {
    "rotaug": "Pose, landmarks and boxes are computed from the originals' labels, with their errors.",
    SYNTH: "Labels are exact: they are what the heads were rendered from.",
}
_COPIED = "Labels are copied byte for byte from the originals, with their own errors."
_MADE = {
    "rotaug": "Pictures are turned in their plane by the manifest's angles and encoded like the source.",
    SYNTH: "Heads are drawn from a seed and rendered.",
}
_PAINTED = (
    "Masks are drawn from the seed in release.json and the picture's id, fitted to landmarks and pose, "
    "shaded, and encoded like the source."
)


def labels(content: Content) -> str:
    """Where the labels come from."""
    if content.right.synthetic:
        return _LABELS[SYNTH]
    return _LABELS.get(str(content.run.get("tool")), _COPIED)


def limits(content: Content) -> list[str]:
    """What the data are not good for, and what may go wrong."""
    return [*(_OF_MASKS if content.wears_masks else ()), labels(content), _OF_BYTES]


def subject(content: Content) -> str:
    """Whose pictures they are."""
    name = content.fmt.card.title
    return f"synthetic heads in the layout of {name}" if content.right.synthetic else name


def title(content: Content) -> str:
    """What it is, in a few words."""
    what = {"rotaug": " rotated in the plane", SYNTH: ""}.get(
        str(content.run.get("tool")), " with painted face masks"
    )
    kind = "recipe" if content.right.kind == "recipe" else "pictures"
    text = f"{subject(content)}{what}: {kind}"
    return text[:1].upper() + text[1:]


def summary(content: Content) -> str:
    """Two sentences: what is in it, and how it was made."""
    counts = content.info["counts"]
    what = {
        "rotaug": "turned in the image plane, with recomputed pose labels, by maskgen's rotaug",
        SYNTH: "rendered by maskgen synth, with exact pose labels",
    }.get(str(content.run.get("tool")), "with face masks painted by maskgen; pose labels are unchanged")
    return (
        f"{counts['images']} pictures: {subject(content)}, {what}. {content.right.sentence(subject(content))}"
    )


def citation(content: Content) -> str:
    """Whom to cite: the dataset's authors, also where only its layout is theirs."""
    card = content.fmt.card
    return f"The layout is that of: {card.citation}" if content.right.synthetic else card.citation


def licence(content: Content) -> str:
    """The licence field: of what the release itself holds."""
    if is_free(content):
        word = str(content.info["licence"])
        return _ADDRESSES.get(word, word)
    return f"other: terms of {content.fmt.card.title}; {content.right.statement}"


def is_free(content: Content) -> bool:
    """Whether everything in the release is the publisher's own to license."""
    return content.right.kind == "recipe" or content.right.synthetic


def source_terms(content: Content) -> list[str]:
    """What the originals' own pages say, with addresses."""
    card = content.fmt.card
    if content.right.synthetic:
        return ["No original: the heads were computed by maskgen synth."]
    terms = next((t for n, t in TERMS.items() if plain(n) == plain(content.fmt.name)), None)
    found = [f"{card.title}: {card.licence}. Redistribution: {card.redistribution}. Home: {card.homepage}"]
    return found + ([f"Why pictures stay at home: {terms.reason} ({terms.source})."] if terms else [])


def uses(content: Content) -> tuple[str, str]:
    """What it is for, and what not."""
    paired = "masked faces, paired with the unmasked originals"
    if content.run.get("tool") == "rotaug":
        where = ", masked where the column mask says so" if content.wears_masks else ""
        paired = f"heads turned in the image plane{where}"
    elif not content.wears_masks:
        paired = "bare faces"
    return (
        f"Training and testing head-pose estimation on {paired}.",
        "Not for recognising people, and not for judging who wears a mask.",
    )


def people(content: Content) -> str:
    """Who is shown, and what the release tells about them."""
    if content.right.synthetic:
        return "None: every face is computed."
    shown = (
        "This release holds none of them." if content.right.kind == "recipe" else "This release shows them."
    )
    return (
        f"The originals ({content.fmt.card.title}) show faces of real people, which are biometric data in "
        f"many laws. {shown} What it tells of a picture is a pose and, in the manifest, a few measured "
        "numbers: how well the mask fits, the direction of the light, the brightness of the skin that is "
        "seen, blur and grain. That brightness follows the exposure; it is no skin tone, "
        "and must not be used as one."
    )


def own_licence(content: Content) -> str:
    """What the publisher licenses, and what is not theirs to license."""
    if not is_free(content):
        return f"The terms of {content.fmt.card.title} go on to hold; see below. {content.right.sentence('')}"
    what = "pictures and labels" if content.right.synthetic else "recipe, drawn numbers, hashes and layers"
    text = f"{licence(content)}: for {what}, which are the publisher's own."
    if content.right.synthetic:
        return text
    return f"{text} It gives no right to the originals, nor to what is rebuilt from them; see below."


def responsible(content: Content) -> dict[str, Any]:
    """Fields of the Responsible-AI vocabulary, by name."""
    card, counts = content.fmt.card, content.info["counts"]
    synthetic = content.right.synthetic
    return {
        "dataCollection": "No data were collected: every picture is computed by maskgen synth."
        if synthetic
        else f"No new data were collected: pictures and labels are those of {card.title} ({card.citation}).",
        "dataCollectionType": ["Synthetic"] if synthetic else ["Synthetic", "Secondary Data Analysis"],
        "dataPreprocessingProtocol": [_MADE.get(str(content.run.get("tool")), _PAINTED)],
        "dataAnnotationProtocol": labels(content),
        "dataLimitation": limits(content),
        "dataBiases": [
            f"Whoever is rare in {subject(content)} is rare here: ages, skin tones, glasses, beards and "
            "headwear were not balanced.",
            "Mask styles have the shares in README.md, which are a choice and not a survey.",
        ],
        "personalSensitiveInformation": [people(content)],
        "dataUseCases": list(uses(content)),
        "dataSocialImpact": "Head pose without the mouth in view helps interfaces and driver safety, and "
        "also surveillance; the release adds no identity labels.",
        "dataReleaseMaintenancePlan": f"Version {content.info['version']} is frozen by SHA256SUMS; changes "
        f"make a new version, listed in CHANGELOG.md. {counts['images']} pictures are in the manifest.",
    }
