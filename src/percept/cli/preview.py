"""The command `percept preview-augment`: what augmentation would make of the training pictures, on one sheet."""

from pathlib import Path
from typing import Annotated

import typer

from percept.cli.options import JsonOption, by_class


def preview_augment(
    data: Annotated[str, typer.Argument(help="Pictures with classes, as for percept fit.", show_default=False)],
    augment: Annotated[
        str, typer.Option(help="shift, auto, light, strong, or changes such as rotate=15,flip.")
    ] = "auto",
    augment_class: Annotated[
        list[str] | None, typer.Option(help="NAME=CHANGES for a class of its own; again for another.")
    ] = None,
    image_size: Annotated[
        str | None,
        typer.Option(help="Input size, such as 64 or 64x96 (height x width).", show_default="by the pictures"),
    ] = None,
    pictures: Annotated[int, typer.Option(help="How many pictures.")] = 6,
    versions: Annotated[int, typer.Option(help="Versions of each.")] = 6,
    seed: Annotated[int, typer.Option(help="Every random choice derives from it.")] = 0,
    out: Annotated[
        Path | None, typer.Option(help="PNG file; never overwritten.", show_default="NAME_augmented.png")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw training pictures beside augmented versions of them, as a fit with the same options would see them."""
    from percept.cli.screen import Screen, decoding
    from percept.cli.sizes import picture_size

    screen = Screen(as_json)
    size = None if image_size is None else picture_size("--image-size", image_size)
    own = by_class(augment_class)
    from percept.workflow.preview import preview_augment as preview

    with decoding(screen) as progress:
        path, words = preview(
            data,
            augment=augment,
            augment_class=own,
            image_size=size,
            pictures=pictures,
            versions=versions,
            seed=seed,
            out=out,
            progress=progress,
        )
    screen.say(f"--augment {augment} comes to {words}")
    screen.say(f"sheet: {path}")
    screen.result({"sheet": str(path), "augmentation": words})
