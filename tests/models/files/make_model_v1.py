"""Write model-v1.safetensors beside this file: run once, when format 1 was current; never again."""

from pathlib import Path

import torch

from percept.data.preprocessing import ImagePreprocessing
from percept.models import build
from percept.models.file import TrainedModel, save_model

HERE = Path(__file__).parent


def main() -> None:
    network = build("linear", classes=2, inputs=4)
    # The first output sums the two upper pixels, the second the two lower ones and a half.
    network.load_state_dict(
        {"1.weight": torch.tensor([[1.0, 1, 0, 0], [0, 0, 1, 1]]), "1.bias": torch.tensor([0.0, 0.5])}
    )
    save_model(
        HERE / "model-v1.safetensors",
        TrainedModel(
            network=network,
            architecture="linear",
            arguments={"classes": 2, "inputs": 4},
            task="classification",
            classes=("sky", "sea"),
            target="class",
            target_scale=(0.0, 1.0),
            preprocessing=ImagePreprocessing(2, 2, 1, mean=(0.5,), std=(0.25,)),
            metadata={"seed": 7},
        ),
    )


if __name__ == "__main__":
    main()
