"""A run folder is never overwritten, its recipe reads back, its ledger only grows."""

import json
from pathlib import Path

import pytest

from percept.errors import OptionError, RunFolderError, WriteError
from percept.files import replacing, write_text
from percept.runs.folder import RunFolder, append_row, claim, latest, open_run, write_rows
from percept.runs.ledger import Opening, append_opening, read_ledger
from percept.runs.recipe import Recipe


def recipe() -> Recipe:
    return Recipe.from_options({"data": {"source": "iris", "image_size": (28, 28)}, "training": {"epochs": 3}})


def test_a_recipe_reads_back_as_it_was_written(tmp_path: Path) -> None:
    recipe().write(tmp_path / "recipe.toml")
    assert Recipe.read(tmp_path / "recipe.toml") == recipe()


def test_arguments_that_a_network_chooses_itself_are_left_out_of_the_file(tmp_path: Path) -> None:
    arguments = {"classes": 3, "dropout": None, "body_arguments": {"epsilon": None, "dropped": 0.2}}
    given = Recipe.from_options({"data": {"source": "a"}, "model": {"name": "fcn8s", "arguments": arguments}})
    given.write(tmp_path / "recipe.toml")
    read = Recipe.read(tmp_path / "recipe.toml").model.arguments
    assert read == {"classes": 3, "body_arguments": {"dropped": 0.2}}


def test_a_recipe_of_a_newer_format_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "recipe.toml"
    write_text(path, recipe().to_toml().replace("format_version = 1", "format_version = 99"))
    with pytest.raises(RunFolderError, match="has format 99.*install a newer percept"):
        Recipe.read(path)


def test_version_1_recipes_keep_being_read() -> None:
    kept = Recipe.read(Path(__file__).parent / "files" / "recipe-v1.toml")
    assert kept.data.source == "heart.csv"
    assert kept.training.epochs == 100


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"data": {"source": "x"}, "training": {"epochs": "many"}}, "epochs is 'many'"),
        ({"data": {"source": "x", "resize": "squash"}}, "resize is 'squash'"),
    ],
)
def test_an_option_of_the_wrong_kind_is_a_sentence(options: dict[str, dict[str, object]], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        Recipe.from_options(options)


def test_choices_are_filled_in_only_where_the_user_made_none() -> None:
    filled = recipe().filled("training", epochs=50, batch_size=32)
    assert (filled.training.epochs, filled.training.batch_size) == (3, 32)


def test_default_folders_are_numbered_and_never_taken_twice(tmp_path: Path) -> None:
    assert [claim(None, "iris", tmp_path).path.name for _ in range(3)] == ["iris", "iris-2", "iris-3"]


def test_a_folder_that_holds_anything_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(OptionError, match="holds files already"):
        claim(tmp_path, "iris")
    recipe().write(tmp_path / "recipe.toml")
    with pytest.raises(OptionError, match="holds a run already.*--resume"):
        claim(tmp_path, "iris")
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_latest_run_of_a_name_is_found(tmp_path: Path) -> None:
    assert latest("iris", tmp_path) is None
    for _ in range(2):
        recipe().write(claim(None, "iris", tmp_path).recipe)
    found = latest("iris", tmp_path)
    assert found is not None
    assert found.path.name == "iris-2"


def test_an_unfinished_run_is_not_opened(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="does not exist"):
        open_run(tmp_path / "nothing")
    with pytest.raises(RunFolderError, match="holds no run"):
        open_run(tmp_path)
    recipe().write(RunFolder(tmp_path).recipe)
    with pytest.raises(RunFolderError, match="not finished.*--resume"):
        open_run(tmp_path)


def test_history_lines_are_on_disk_at_once_under_one_header(tmp_path: Path) -> None:
    for number in (1, 2):
        append_row(tmp_path / "history.csv", {"epoch": number, "loss": 0.5})
    assert (tmp_path / "history.csv").read_bytes() == b"epoch,loss\n1,0.5\n2,0.5\n"


def test_the_ledger_only_grows(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    figures: dict[str, dict[str, float | None]] = {"accuracy": {"value": 0.9, "low": 0.8, "high": 0.95}}
    append_opening(path, Opening(1, "2026-01-01T00:00:00+00:00", 10, figures, "abc"))
    before = path.read_text()
    append_opening(path, Opening(2, "2026-01-02T00:00:00+00:00", 10, figures, "abc"))
    assert path.read_text().startswith(before)
    assert [opening.number for opening in read_ledger(path)] == [1, 2]
    assert json.loads(before)["figures"] == figures


def test_a_damaged_ledger_is_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "ledger.jsonl"
    path.write_text("{half a li\n")
    with pytest.raises(RunFolderError, match="line 1 is damaged"):
        read_ledger(path)


def test_a_full_disk_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.write_text("old")
    with pytest.raises(WriteError, match="No space left.*unchanged"), replacing(path) as file:
        file.write(b"half of the new")
        raise OSError(28, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_rows_with_commas_and_quotes_read_back(tmp_path: Path) -> None:
    import csv

    write_rows(tmp_path / "x.csv", ("file", "class"), [('a,"b".jpg', "x\ny")])
    with (tmp_path / "x.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [["file", "class"], ['a,"b".jpg', "x\ny"]]


def test_what_a_run_killed_before_its_recipe_leaves_is_no_obstacle(tmp_path: Path) -> None:
    RunFolder(tmp_path).lock.touch()
    (tmp_path / "recipe.toml.123.partial").touch()
    assert claim(tmp_path, "iris").path == tmp_path


def test_version_1_ledgers_keep_being_read() -> None:
    (opening,) = read_ledger(Path(__file__).parent / "files" / "ledger-v1.jsonl")
    assert opening.figures["accuracy"]["low"] == 0.9026
    assert opening.baselines is not None
    assert opening.baselines["linear"]["note"] == "C = 1"
