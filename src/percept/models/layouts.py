"""How other libraries name the weights of the architectures that percept knows, as tables of patterns.

A layout is a row of (pattern, replacement), applied to a foreign name one after the other; what comes out is the name
in percept's network. Layers are the same layers everywhere, so a layout that gives every name and shape is the right
one.
"""

import re
from collections.abc import Callable, Mapping
from itertools import accumulate

from percept.models import mobilenet_v2, vgg

Replacement = str | Callable[[re.Match[str]], str]
Layout = tuple[tuple[str, Replacement], ...]


def renamed(name: str, layout: Layout) -> str:
    """Return the name in percept's network of a weight of another library.

    Example:
        >>> renamed("layer1.0.conv2.weight", LAYOUTS["torchvision or timm, residual"])
        'stage1.0.second.0.weight'
    """
    for pattern, replacement in layout:
        name = re.sub(pattern, replacement, name)
    return name


def _torchvision_vgg(depth: int, batch_norm: bool) -> Layout:
    # Layers stand in one row there: convolution, normalization if there is one, ReLU; then pooling.
    places: dict[str, str] = {}
    row = 0
    for stage, convolutions in enumerate(vgg.CONVOLUTIONS[depth], start=1):
        for number in range(convolutions):
            places[str(row)] = f"stage{stage}.{number}.0."
            if batch_norm:
                places[str(row + 1)] = f"stage{stage}.{number}.1."
            row += 3 if batch_norm else 2
        row += 1
    return (
        (r"^features\.(\d+)\.", lambda found: places.get(found[1], found[0])),
        (r"^(classifier\.0|pre_logits\.fc1)\.", "hidden.0."),  # torchvision's name, timm's name
        (r"^(classifier\.3|pre_logits\.fc2)\.", "hidden.3."),
        (r"^(classifier\.6|head\.fc)\.", "scores."),
    )


def _inverted_block(found: re.Match[str]) -> str:
    # torchvision numbers the blocks of MobileNetV2 in one row, from 1.
    number = int(found[1]) - 1
    ends = list(accumulate(blocks for _, _, blocks, _ in mobilenet_v2.STAGES))
    stage = next((stage for stage, end in enumerate(ends) if number < end), None)
    return found[0] if stage is None else f"stage{stage + 1}.{number - [0, *ends][stage]}."


LAYOUTS: Mapping[str, Layout] = {
    "percept": (),
    "torchvision or timm, residual": (
        (r"^conv1\.", "stem.0."),
        (r"^bn1\.", "stem.1."),
        (r"^layer(\d)\.", r"stage\1."),
        (r"\.conv1\.", ".first.0."),
        (r"\.bn1\.", ".first.1."),
        (r"\.conv2\.", ".second.0."),
        (r"\.bn2\.", ".second.1."),
        (r"\.conv3\.", ".third.0."),
        (r"\.bn3\.", ".third.1."),
        (r"\.downsample\.", ".shortcut."),
        (r"^(fc|linear)\.", "scores."),  # "linear" in networks for CIFAR-10
    ),
    "torchvision or timm, dense": (
        (r"^features\.conv0\.", "stem.0.0."),
        (r"^features\.norm0\.", "stem.0.1."),
        (r"^features\.norm5\.", "norm."),
        (r"^features\.transition(\d)\.norm\.", r"transition\1.0.0."),
        (r"^features\.transition(\d)\.conv\.", r"transition\1.0.2."),
        (r"^features\.denseblock(\d)\.denselayer(\d+)\.", lambda found: f"stage{found[1]}.{int(found[2]) - 1}."),
        (r"^(stage\d\.\d+)\.norm\.?1\.", r"\1.first.0."),  # "norm.1" in the oldest files
        (r"^(stage\d\.\d+)\.conv\.?1\.", r"\1.first.2."),
        (r"^(stage\d\.\d+)\.norm\.?2\.", r"\1.second.0."),
        (r"^(stage\d\.\d+)\.conv\.?2\.", r"\1.second.2."),
        (r"^classifier\.", "scores."),
    ),
    "torchvision, AlexNet": (
        (r"^features\.0\.", "stage1.0.0."),
        (r"^features\.3\.", "stage2.0.0."),
        (r"^features\.6\.", "stage3.0.0."),
        (r"^features\.8\.", "stage3.1.0."),
        (r"^features\.10\.", "stage3.2.0."),
        (r"^classifier\.1\.", "hidden.0."),
        (r"^classifier\.4\.", "hidden.3."),
        (r"^classifier\.6\.", "scores."),
    ),
    "torchvision, GoogLeNet": (
        (r"\.conv\.(weight|bias)$", r".0.\1"),
        (r"\.bn\.", ".1."),
        (r"^conv1\.", "stem.0."),
        (r"^conv2\.", "stem.2."),
        (r"^conv3\.", "stem.3."),
        (r"^inception([35])([ab])\.", r"stage\1.\2."),
        (r"^inception4a\.", "stage4a."),
        (r"^inception4([bcd])\.", r"stage4bcd.\1."),
        (r"^inception4e\.", "stage4e.e."),
        (r"\.branch1\.", ".pointwise."),
        (r"\.branch2\.", ".three."),
        (r"\.branch3\.", ".five."),
        (r"\.branch4\.", ".pooled."),
        (r"^aux(\d)\.conv\.", r"auxiliary\1.convolution."),
        (r"^aux(\d)\.fc1\.", r"auxiliary\1.hidden.0."),
        (r"^aux(\d)\.fc2\.", r"auxiliary\1.scores."),
        (r"^fc\.", "scores."),
    ),
    "torchvision, MobileNetV2": (
        (r"^features\.0\.", "stem."),
        (r"^features\.18\.", "head."),
        (r"^features\.(\d+)\.conv\.", _inverted_block),
        (r"^stage1\.0\.0\.", "stage1.0.depthwise."),
        (r"^stage1\.0\.1\.", "stage1.0.project.0."),
        (r"^stage1\.0\.2\.", "stage1.0.project.1."),
        (r"^(stage[2-7]\.\d+)\.0\.", r"\1.expand."),
        (r"^(stage[2-7]\.\d+)\.1\.", r"\1.depthwise."),
        (r"^(stage[2-7]\.\d+)\.2\.", r"\1.project.0."),
        (r"^(stage[2-7]\.\d+)\.3\.", r"\1.project.1."),
        (r"^classifier\.1\.", "scores."),
    ),
    "torchvision, EfficientNet": (
        (r"^features\.0\.", "stem."),
        (r"^features\.8\.", "head."),
        (r"\.fc1\.", ".reduce."),
        (r"\.fc2\.", ".expand."),
        (r"^features\.1\.(\d+)\.block\.0\.", r"stage1.\1.depthwise."),
        (r"^features\.1\.(\d+)\.block\.1\.", r"stage1.\1.squeeze."),
        (r"^features\.1\.(\d+)\.block\.2\.", r"stage1.\1.project."),
        (r"^features\.(\d)\.(\d+)\.block\.0\.", r"stage\1.\2.expand."),
        (r"^features\.(\d)\.(\d+)\.block\.1\.", r"stage\1.\2.depthwise."),
        (r"^features\.(\d)\.(\d+)\.block\.2\.", r"stage\1.\2.squeeze."),
        (r"^features\.(\d)\.(\d+)\.block\.3\.", r"stage\1.\2.project."),
        (r"^classifier\.1\.", "scores."),
    ),
    "timm, MobileNet": (
        (r"^conv_stem\.", "stem.0."),
        (r"^bn1\.", "stem.1."),
        (r"^blocks\.(\d)\.(\d+)\.", lambda found: f"stage{int(found[1]) + 1}.{found[2]}."),
        (r"\.conv_dw\.", ".depthwise.0."),
        (r"\.bn1\.", ".depthwise.1."),
        (r"\.conv_pw\.", ".pointwise.0."),
        (r"\.bn2\.", ".pointwise.1."),
        (r"^classifier\.", "scores."),
    ),
    "timm, MobileNetV2 or EfficientNet": (
        (r"^conv_stem\.", "stem.0."),
        (r"^bn1\.", "stem.1."),
        (r"^conv_head\.", "head.0."),
        (r"^bn2\.", "head.1."),
        (r"^blocks\.(\d)\.(\d+)\.", lambda found: f"stage{int(found[1]) + 1}.{found[2]}."),
        (r"\.se\.conv_", ".squeeze."),
        (r"\.conv_dw\.", ".depthwise.0."),
        (r"^(stage1\.\d+)\.bn1\.", r"\1.depthwise.1."),
        (r"^(stage1\.\d+)\.conv_pw\.", r"\1.project.0."),
        (r"^(stage1\.\d+)\.bn2\.", r"\1.project.1."),
        (r"\.conv_pw\.", ".expand.0."),
        (r"\.bn1\.", ".expand.1."),
        (r"\.bn2\.", ".depthwise.1."),
        (r"\.conv_pwl\.", ".project.0."),
        (r"\.bn3\.", ".project.1."),
        (r"^classifier\.", "scores."),
    ),
    **{
        f"torchvision or timm, VGG-{depth}{' normalized' if batch_norm else ''}": _torchvision_vgg(depth, batch_norm)
        for depth in vgg.CONVOLUTIONS
        for batch_norm in (False, True)
    },
}
