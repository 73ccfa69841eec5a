"""Does training with masks close the masked gap? From pictures to an answer with an interval, in one script.

    python examples/train_and_compare.py FOLDER_OF_AFLW2000 [EPOCHS]

Masks a copy of the dataset, trains the small CPU network without and with masked pictures for the same number
of steps, and prints the paired gap of both on pictures that neither has seen. Some minutes on two cores.
"""

from __future__ import annotations

import sys
from pathlib import Path

from maskgen.cli.main import command, run
from maskgen.hpe.compare import closed, comparison_markdown, load_comparison, run_comparison


def main(source: Path, work: Path, epochs: int) -> None:
    """Generate the twin where it is missing, train, compare, print."""
    masked = work / "AFLW2000_masked"
    # --control also writes the clean pictures through the same JPEG encoder, so masks are the only difference
    control = ["--control", str(work / "AFLW2000")]
    if not masked.exists() and run(command, ["apply", "--root", str(source), "--out", str(masked), *control]):
        raise SystemExit("maskgen apply failed")
    settings = [f"data.root={work}", f"train.epochs={epochs}"]
    plan, configs = load_comparison("compare/aflw2000-906", settings, seeds=[0])
    # without rotated pictures: only the first two of the comparison's models, on the first two test sets
    chosen = {name: configs[name] for name in ("clean", "clean+masked")}
    for config in chosen.values():
        config.data.test.pop("rotated")
    content = run_comparison(plan, chosen, work / "runs")
    print(comparison_markdown(content))
    answer = "" if closed(content, "clean+masked") else "no "
    print(f"Training with masks makes {answer}significant change to the gap on {len(plan.seeds)} seed(s).")


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path("train_and_compare"), int(sys.argv[2]) if len(sys.argv) == 3 else 20)
