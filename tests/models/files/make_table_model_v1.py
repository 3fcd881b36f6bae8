"""Write table-model-v1.safetensors beside this file: run once, when format 1 was current; never again."""

from pathlib import Path

import pandas as pd
import torch

from percept.data.columns import fit_columns
from percept.models import build
from percept.models.file import TrainedModel, save_model

HERE = Path(__file__).parent


def main() -> None:
    # height has mean 2 and standard deviation 1 and one cell missing; town has two categories
    frame = pd.DataFrame({"height": [1.0, 3.0, None, 2.0], "town": ["Bari", "Lecce", "Bari", "Lecce"]})
    preprocessing = fit_columns(frame)
    network = build("linear", classes=1, inputs=preprocessing.features)
    weights = torch.zeros(1, preprocessing.features)
    weights[0, preprocessing.names.index("town = Lecce")] = 1.0
    network.load_state_dict({"1.weight": weights, "1.bias": torch.tensor([0.5])})
    save_model(
        HERE / "table-model-v1.safetensors",
        TrainedModel(
            network=network,
            architecture="linear",
            arguments={"classes": 1, "inputs": preprocessing.features},
            task="regression",
            classes=(),
            target="rent",
            target_scale=(100.0, 10.0),
            preprocessing=preprocessing,
            metadata={"seed": 7},
        ),
    )


if __name__ == "__main__":
    main()
