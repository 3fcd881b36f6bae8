import errno
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from torch import nn

from percept.data.columns import fit_columns
from percept.data.preprocessing import ImagePreprocessing
from percept.errors import ModelFileError, WriteError
from percept.models import arguments_for, build
from percept.models.file import FORMAT_VERSION, TrainedModel, load_model, save_model
from percept.workflow.load import load

STORED = Path(__file__).parent / "files"
PICTURES = ImagePreprocessing(8, 8, 1, mean=(0.1,), std=(0.3,))


def small_model() -> TrainedModel:
    torch.manual_seed(0)
    arguments: dict[str, object] = {"classes": 3, "inputs": 64, "hidden": [5], "batch_norm": True}
    network = build("mlp", **arguments)
    network(torch.randn(20, 64))  # moves the running statistics of the normalization
    classes = ("rose", "tulip", "Gänseblümchen")
    return TrainedModel(
        network, "mlp", arguments, "classification", classes, "flower", (0.0, 1.0), PICTURES, {"seed": 3}
    )


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("written") / "model.safetensors"
    save_model(path, small_model())
    return path.read_bytes()


def same(one: TrainedModel, other: TrainedModel) -> bool:
    weights, others = one.network.state_dict(), other.network.state_dict()
    alike = weights.keys() == others.keys() and all(torch.equal(weights[key], others[key]) for key in weights)
    return alike and replace(one, network=other.network) == other


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    model = small_model()
    save_model(tmp_path / "model.safetensors", model)
    assert same(load_model(tmp_path / "model.safetensors"), model)
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


def test_a_loaded_network_gives_the_same_outputs_in_evaluation(tmp_path: Path) -> None:
    torch.manual_seed(0)
    arguments = arguments_for("small_resnet", outputs=4, shape=(3, 16, 16))
    network = build("small_resnet", **arguments)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    pictures = torch.randn(5, 3, 16, 16)
    network(pictures)
    before = {key: values.clone() for key, values in network.state_dict().items()}
    model = replace(small_model(), network=network, architecture="small_resnet", arguments=arguments)
    save_model(tmp_path / "model.safetensors", model)
    assert all(torch.equal(values, before[key]) for key, values in network.state_dict().items())
    loaded = load_model(str(tmp_path / "model.safetensors")).network
    assert not loaded.training
    torch.testing.assert_close(loaded(pictures), network.eval()(pictures))


def test_a_table_model_keeps_its_columns_and_scale(tmp_path: Path) -> None:
    frame = pd.DataFrame({"age": [1.0, 3.0, 8.0], "sex": pd.Series(["f", "m", "f"], dtype=object)})
    columns = fit_columns(frame)
    arguments = arguments_for("mlp", outputs=1, shape=(columns.features,))
    network = build("mlp", **arguments)
    model = TrainedModel(network, "mlp", arguments, "regression", (), "price", (1234.5, 0.1 + 0.2), columns)
    save_model(tmp_path / "model.safetensors", model)
    loaded = load_model(tmp_path / "model.safetensors")
    assert (loaded.task, loaded.classes, loaded.target_scale) == ("regression", (), (1234.5, 0.1 + 0.2))
    np.testing.assert_array_equal(loaded.preprocessing.transform(frame), columns.transform(frame))  # type: ignore[union-attr]


def test_other_programs_read_float32_weights_and_the_description(tmp_path: Path) -> None:
    model = small_model()
    model.network.double()
    save_model(tmp_path / "model.safetensors", model)
    weights = safetensors.torch.load_file(tmp_path / "model.safetensors")
    assert {str(values.dtype) for values in weights.values()} == {"torch.float32", "torch.int64"}  # and a step count
    assert torch.equal(weights["1.weight"], model.network.state_dict()["1.weight"].float())
    with safe_open(tmp_path / "model.safetensors", "numpy") as file:
        description = json.loads(file.metadata()["percept"])
    assert description["classes"] == ["rose", "tulip", "Gänseblümchen"]
    assert description["preprocessing"] == PICTURES.to_json() | {"mean": [0.1], "std": [0.3]}


def test_equal_models_give_equal_bytes(tmp_path: Path, written: bytes) -> None:
    save_model(tmp_path / "model.safetensors", small_model())
    assert (tmp_path / "model.safetensors").read_bytes() == written


def test_metadata_with_numbers_for_keys_is_read_as_text(tmp_path: Path) -> None:
    save_model(tmp_path / "model.safetensors", replace(small_model(), metadata={"loss": {10: 0.5, 9: (1, 2)}}))
    assert load_model(tmp_path / "model.safetensors").metadata == {"loss": {"10": 0.5, "9": [1, 2]}}


def test_reading_leaves_the_random_state_as_it_is(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(written)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_model(tmp_path / "model.safetensors")
    assert torch.equal(torch.rand(3), expected)


def test_the_stored_file_of_format_1_keeps_being_read() -> None:
    model = load_model(STORED / "model-v1.safetensors")
    assert (model.architecture, model.classes, model.target) == ("linear", ("sky", "sea"), "class")
    assert (model.target_scale, model.metadata) == ((0.0, 1.0), {"seed": 7})
    pixels = np.array([[[[0], [255]], [[51], [0]]]], dtype=np.uint8)
    # Normalized (pixel / 255 - 0.5) / 0.25: -2, 2 above and -1.2, -2 below.
    assert isinstance(model.preprocessing, ImagePreprocessing)
    outputs = model.network(model.preprocessing.tensor(pixels))
    torch.testing.assert_close(outputs, torch.tensor([[0.0, -3.2 + 0.5]]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_off_anywhere_is_refused(tmp_path: Path, written: bytes, data: st.DataObject) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(written[: data.draw(st.integers(0, len(written) - 1))])
    with pytest.raises(ModelFileError, match="cut off after"):
        load_model(path)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_changed_byte_is_noticed_wherever_it_matters(tmp_path: Path, written: bytes, data: st.DataObject) -> None:
    place, value = data.draw(st.integers(0, len(written) - 1)), data.draw(st.integers(0, 255))
    path = tmp_path / "model.safetensors"
    path.write_bytes(written[:place] + bytes([value]) + written[place + 1 :])
    try:
        model = load_model(path)
    except ModelFileError as error:
        assert str(error).startswith(f"{path} ")
    else:
        assert same(model, small_model())


@pytest.mark.parametrize(
    "content",
    [b"", b"\0" * 8, b"PK\x03\x04 a zip file, as torch.save writes", b"[" * 100_000, b"\x05" + b"\0" * 7 + b"[1,2]"],
)
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(ModelFileError, match="is no model file, or cut off"):
        load_model(tmp_path / "model.safetensors")


def test_a_safetensors_file_of_another_program_is_refused(tmp_path: Path) -> None:
    safetensors.torch.save_file({"w": torch.zeros(2)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelFileError, match="is a safetensors file of another program"):
        load_model(tmp_path / "other.safetensors")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match="does not exist; give the model.safetensors of a finished run"):
        load_model(tmp_path / "nothing.safetensors")
    with pytest.raises(ModelFileError, match="cannot be read"):
        load_model(tmp_path)


@pytest.mark.parametrize("description", ['{"format": 2}', '{"format": 2, "sha256": "of another kind"}'])
def test_a_newer_format_is_refused_before_anything_else_is_looked_at(tmp_path: Path, description: str) -> None:
    assert FORMAT_VERSION == 1
    safetensors.torch.save_file({}, tmp_path / "new.safetensors", {"percept": description})
    with pytest.raises(ModelFileError, match=r"has format 2, percept .* reads formats up to 1; update percept"):
        load_model(tmp_path / "new.safetensors")


@pytest.mark.parametrize("description", ["{", "[]", "{}", '{"format": "1"}', '{"format": 0}', '{"format": 1}'])
def test_a_description_that_makes_no_sense_is_refused(tmp_path: Path, description: str) -> None:
    safetensors.torch.save_file({}, tmp_path / "odd.safetensors", {"percept": description})
    with pytest.raises(ModelFileError, match=r"odd.safetensors is damaged \("):
        load_model(tmp_path / "odd.safetensors")


class Renamed(nn.Module):
    """A network whose weights do not fit what its model says it is."""

    def __init__(self, rows: int, name: str) -> None:
        super().__init__()
        setattr(self, name, nn.Linear(4, rows))


@pytest.mark.parametrize(
    ("rows", "name", "differing"), [(3, "1", "1.bias, 1.weight"), (2, "2", "1.bias, 1.weight, 2.bias")]
)
def test_weights_that_do_not_fit_the_architecture_are_named(
    tmp_path: Path, rows: int, name: str, differing: str
) -> None:
    model = replace(
        small_model(), network=Renamed(rows, name), architecture="linear", arguments={"classes": 2, "inputs": 4}
    )
    save_model(tmp_path / "model.safetensors", model)
    with pytest.raises(ModelFileError, match=f"missing, unknown or misshapen weights for linear: {differing}"):
        load_model(tmp_path / "model.safetensors")


@pytest.mark.parametrize("change", [{"architecture": "transformer"}, {"arguments": {"classes": 3, "heads": 8}}])
def test_a_network_that_this_version_cannot_build_is_refused(tmp_path: Path, change: dict[str, object]) -> None:
    save_model(tmp_path / "model.safetensors", replace(small_model(), **change))  # type: ignore[arg-type]
    with pytest.raises(ModelFileError, match="holds a network that percept .* cannot build"):
        load_model(tmp_path / "model.safetensors")


def test_a_full_disk_leaves_the_old_file_intact(
    tmp_path: Path, written: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(written)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(WriteError, match=f"cannot be written .{os.strerror(errno.ENOSPC)}.; .* is unchanged"):
        save_model(path, replace(small_model(), target="another"))
    assert path.read_bytes() == written
    assert [file.name for file in tmp_path.iterdir()] == ["model.safetensors"]


def test_an_interruption_while_writing_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(KeyboardInterrupt):
        save_model(tmp_path / "model.safetensors", small_model())
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_hold_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WriteError, match="cannot be written"):
        save_model(tmp_path / "file" / "model.safetensors", small_model())


def test_a_table_model_of_format_1_keeps_being_read_and_predicts_as_it_did() -> None:
    predictor = load(STORED / "table-model-v1.safetensors", device="cpu")
    # rent = 100 + 10 * (0.5 + 1 for Lecce), whatever the height, missing or not
    rows = pd.DataFrame({"town": ["Lecce", "Bari", "Lecce"], "height": [1.0, 2.0, None]})
    assert predictor.predict(rows).tolist() == [115.0, 105.0, 115.0]
