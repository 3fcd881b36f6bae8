"""A loaded model answers as the run did, from its folder or from the model file alone."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import percept
from percept.errors import ModelFileError, RunFolderError


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return percept.fit("iris", out=tmp_path_factory.mktemp("load") / "run", epochs=3, threads=1).path


def test_a_model_predicts_what_the_run_wrote_of_the_validation_part(run: Path) -> None:
    from sklearn.datasets import load_iris

    table = pd.read_csv(run / "validation_predictions.csv")
    rows = load_iris().data[table["sample"].to_numpy() - 1]  # rows are counted from 1
    model = percept.load(run, device="cpu")
    assert model.predict(rows).tolist() == table["prediction"].tolist()
    expected = table[[f"probability of {name}" for name in model.classes]].to_numpy()
    np.testing.assert_allclose(model.predict_proba(rows), expected, rtol=1e-5, atol=1e-7)


def test_the_model_file_alone_is_enough(run: Path, tmp_path: Path) -> None:
    alone = shutil.copy(run / "model.safetensors", tmp_path / "flower model.safetensors")
    row = [[5.1, 3.5, 1.4, 0.2]]
    np.testing.assert_array_equal(percept.load(alone).predict_proba(row), percept.load(run).predict_proba(row))


@pytest.mark.parametrize("keep", [0, 5, 200, -1])
def test_a_truncated_model_file_is_a_sentence(run: Path, tmp_path: Path, keep: int) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes((run / "model.safetensors").read_bytes()[:keep])
    with pytest.raises(ModelFileError, match="cut off after|damaged"):
        percept.load(path)


def test_a_place_without_a_run_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="does not exist"):
        percept.load(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match="holds no run"):
        percept.load(tmp_path)
