"""Figures on tables: percept's network with nothing but its defaults against its own baselines, set by set.

The split is made anew with each seed, and all see the same rows. Validation figures chose the defaults, over all sets
at once; test figures chose nothing. Sets that are not there are left out.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import percept
from percept.runs.folder import RunFolder
from percept.workflow.report import read_findings

TABULAR = Path(__file__).parents[2] / "shared/data/tabular"
BUILTIN = ("iris", "wine", "breast_cancer", "diabetes")
# Files in TABULAR and the column to predict.
FILES = {
    "ionosphere.csv": "-1",
    "sonar.csv": "-1",
    "glass.csv": "-1",
    "pima-indians-diabetes.csv": "-1",
    "auto_imports.csv": "-1",
    "housing.csv": "-1",
    "banknote_authentication.csv": "-1",
    "breast-cancer-wisconsin.csv": "-1",
    "winequality-red.csv": "-1",
    "winequality-white.csv": "-1",
    "auto_mpg.csv": "mpg",
    "abalone.csv": "-1",
    "california_housing.csv.gz": "median_house_value",
    "adult-train.csv.gz": "-1",
}
MODELS = ("network", "linear", "k-nearest neighbors")


def sets() -> Iterator[tuple[str, str, str | None]]:
    """Yield name, source and target of each set that is there."""
    for name in BUILTIN:
        yield name, name, None
    for file, target in FILES.items():
        if (TABULAR / file).exists():
            yield file.split(".")[0], str(TABULAR / file), target


def figures(source: str, target: str | None, seed: int) -> tuple[str, NDArray[np.float64]]:
    """Return the metric and (models, 2) its values on validation and test."""
    with tempfile.TemporaryDirectory() as folder:
        run = percept.fit(source, target, out=Path(folder, "run"), seed=seed, threads=1)
        test = run.evaluate().figures
        metric = "accuracy" if "accuracy" in test else "rmse"
        opening = json.loads(run.path.joinpath("ledger.jsonl").read_text(encoding="utf-8"))
        parts = read_findings(RunFolder(run.path))["validation"]["baselines"], opening["baselines"]
        pairs = [[run.validation[metric]["value"], test[metric]["value"]]]
        pairs += [[part[name]["figures"][metric]["value"] for part in parts] for name in MODELS[1:]]
    return metric, np.array(pairs, dtype=float)


def main() -> int:
    """Print a line a set, and on how many the network stands before each baseline."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=3, help="splits and trainings a set")
    parser.add_argument("--only", nargs="*", default=[], help="names of the sets to run")
    options = parser.parse_args()
    print(f"{'set':25}{'metric':10}" + "".join(f"{name + ', val / test':>34}" for name in MODELS), flush=True)
    ahead = []
    for name, source, target in sets():
        if options.only and name not in options.only:
            continue
        runs = [figures(source, target, seed) for seed in range(options.seeds)]
        metric, means = runs[0][0], np.mean([values for _, values in runs], axis=0)
        shown = "".join(f"{f'{validation:.4g} / {test:.4g}':>34}" for validation, test in means)
        print(f"{name:25}{metric:10}{shown}", flush=True)
        sign = 1 if metric == "accuracy" else -1
        ahead.append(sign * (means[0] - means[1:]) >= 0)  # (baselines, 2)
    for number, name in enumerate(MODELS[1:]):
        validation, test = np.sum([each[number] for each in ahead], axis=0)
        print(f"at least as good as {name}: on {validation} of {len(ahead)} (validation), on {test} (test)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
