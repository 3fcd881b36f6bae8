"""Going on with a run that was begun: which one, and whether the same is asked of it."""

from pathlib import Path

from percept.errors import OptionError
from percept.runs.folder import RunFolder, latest
from percept.runs.recipe import Recipe


def unfinished(out: Path | None, name: str, resume: bool) -> RunFolder | None:
    """Return the unfinished or finished run to go on with, None where there is none or none is asked for.

    Args:
        out: the run folder that was named, or None for the latest of its name.
        name: what run folders of these data are called.
        resume: whether to go on at all.
    """
    if not resume:
        return None
    folder = RunFolder(out) if out is not None else latest(name)
    return folder if folder is not None and folder.recipe.exists() else None


def same_choices(asked: Recipe, kept: Recipe, folder: RunFolder) -> Recipe:
    """Return the kept recipe, if nothing else is asked for now; data that have moved are taken from their new place."""
    moved: dict[str, str] = {}
    for section in ("data", "model", "training", "selection"):
        if getattr(asked, section) is None:
            continue
        given = getattr(asked, section).model_dump(exclude_unset=True)
        for name, value in given.items():
            before = getattr(getattr(kept, section), name, None)
            if name == "arguments":  # those that were open have been filled in
                before = {key: (before or {}).get(key) for key in value}
            if before == value or (name == "source" and asked.data.path and kept.data.path):  # its path is compared
                continue
            if name in ("path", "test_file") and before and not Path(before).exists():
                moved[name] = value
                continue
            raise OptionError(
                f"--resume: {_option(section, name)} is {value}, but {folder.path} was begun with"
                f" {'a choice of its own' if before is None else before};"
                " give the same options, or leave --resume out to begin a new run"
            )
    return kept.model_copy(update={"data": kept.data.model_copy(update=moved)})


def _option(section: str, name: str) -> str:
    if name in ("source", "path"):
        return "the data"
    return {"name": "--model", "test_file": "--test"}.get(name) or f"--{name.replace('_', '-')}"
