"""A finished run as Python sees it: its model, its figures, and the commands that go on from it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from percept.runs.folder import RunFolder
from percept.runs.recipe import Recipe

if TYPE_CHECKING:
    from percept.workflow.evaluate import Evaluation
    from percept.workflow.load import Predictor


@dataclass(frozen=True)
class Run:
    """What `percept.fit` returns: a finished run on disk.

    Attributes:
        path: the run folder.
        validation: figures of the validation part with their 95 % intervals; after a selection those out of fold.
        verdict: whether the network earned its place beside the baselines, in a sentence.
    """

    path: Path
    validation: dict[str, dict[str, float | None]]
    verdict: str

    @property
    def recipe(self) -> Recipe:
        """Return every choice of the run."""
        return Recipe.read(RunFolder(self.path).recipe)

    @property
    def history(self) -> pd.DataFrame:
        """Return one row an epoch."""
        return pd.read_csv(RunFolder(self.path).history)

    @property
    def selection(self) -> dict[str, Any] | None:
        """Return the candidates that were compared and what was found of them; None where nothing was chosen."""
        from percept.workflow.chosen import read_selection

        return read_selection(RunFolder(self.path))

    @property
    def out_of_fold(self) -> str:
        """Return how the figures were found where they are of samples left out in turn; "" for a validation part."""
        from percept.workflow.report import read_findings

        return str(read_findings(RunFolder(self.path)).get("out_of_fold", ""))

    @property
    def report(self) -> Path:
        """Return where the report lies."""
        return RunFolder(self.path).report

    @cached_property
    def model(self) -> "Predictor":
        """Return the trained model, ready to predict."""
        from percept.workflow.load import load

        return load(self.path)

    def predict(self, samples: Any) -> Any:
        """Return the predicted class names, figures, or maps of classes; see `Predictor.predict`."""
        return self.model.predict(samples)

    def predict_proba(self, samples: Any) -> Any:
        """Return the probability of each class; see `Predictor.predict_proba`."""
        return self.model.predict_proba(samples)

    def evaluate(self) -> "Evaluation":
        """Open the sealed test set; see `percept.evaluate`."""
        from percept.workflow.evaluate import evaluate

        return evaluate(self.path)


def open_finished(folder: RunFolder) -> Run:
    """Return the run in a finished folder."""
    from percept.workflow.report import read_findings

    found = read_findings(folder)["validation"]
    return Run(folder.path, found["figures"], found["verdict"])
