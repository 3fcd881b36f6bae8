"""The architectures that percept knows by name."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial

from torch import nn

from percept.errors import OptionError
from percept.models import alexnet, densenet, efficientnet, googlenet, lenet, vgg
from percept.models.architecture import (
    Architecture,
    Fit,
    fit_channels,
    fit_flat,
    fit_layers,
    fit_size,
    fit_strides,
    fixed,
)
from percept.models.body import Classifier
from percept.models.cifar_resnet import cifar_resnet
from percept.models.encoder_decoder import encoder_decoder
from percept.models.fcn import fcn
from percept.models.linear import linear
from percept.models.mlp import mlp
from percept.models.mobilenet import mobilenet
from percept.models.mobilenet_v2 import mobilenet_v2
from percept.models.nin import nin
from percept.models.resnet import resnet
from percept.models.small_resnet import small_resnet
from percept.models.unet import unet
from percept.models.wide_resnet import wrn28_10

SMALL, LARGE = (32, 64), (64, 224)
"""Shorter sides of pictures that networks for CIFAR and for ImageNet take as they are, pixels."""

RESIDUAL = ("He, Zhang, Ren & Sun", 2016)
WIDE = ("Zagoruyko & Komodakis", 2016)
DEEP = ("Simonyan & Zisserman", 2015)
DENSE = ("Huang, Liu, van der Maaten & Weinberger", 2017)
SCALED = ("Tan & Le", 2019)
CONVOLUTIONAL = ("Long, Shelhamer & Darrell", 2015)
ACROSS = ("Ronneberger, Fischer & Brox", 2015)


def _pictures(
    build: Callable[..., nn.Module],
    paper: tuple[str, int],
    *,
    fit: Fit = fit_channels,
    smallest_side: int = 1,
    kept_sides: tuple[int, int] = LARGE,
) -> Architecture:
    return Architecture(build, fit, *paper, "image", smallest_side=smallest_side, kept_sides=kept_sides)


def _vgg(depth: int) -> Architecture:
    return _pictures(
        partial(vgg.vgg, depth), DEEP, fit=fixed(fit_size, batch_norm=True), smallest_side=vgg.SMALLEST_SIDE
    )


def _residual(form: str, paper: tuple[str, int] = RESIDUAL) -> Architecture:
    return _pictures(partial(resnet, form), paper)


def _thin(depth: int, fit: Fit = fit_channels) -> Architecture:
    return _pictures(partial(cifar_resnet, depth), RESIDUAL, fit=fit, kept_sides=SMALL)


def _dense(form: str) -> Architecture:
    return _pictures(partial(densenet.densenet, form), DENSE, smallest_side=densenet.FORMS[form].smallest_side)


def _scaled(form: str) -> Architecture:
    sides = (LARGE[0], efficientnet.FORMS[form].resolution)
    return _pictures(partial(efficientnet.efficientnet, form), SCALED, kept_sides=sides)


def _pixels(build: Callable[..., nn.Module], paper: tuple[str, int], *, fit: Fit, side: int = LARGE[1]) -> Architecture:
    return Architecture(build, fit, *paper, "image", kept_sides=(side, side), task="segmentation")


def _fully(name: str, skips: int) -> Architecture:
    return _pixels(partial(fcn, name, skips, classifier), CONVOLUTIONAL, fit=fit_body("vgg16"))


def classifiers() -> tuple[str, ...]:
    """Return the names of the networks that one for pixels can be made from."""
    return tuple(name for name, known in MODELS.items() if known.kind == "image" and known.task == "classification")


def classifier(body: str, channels: int, arguments: Mapping[str, object] | None) -> Classifier:
    """Return a network that one for pixels is made from.

    Args:
        body: its name.
        channels: of the pictures.
        arguments: of its builder, besides classes and channels; None for its own.

    Raises:
        OptionError: there is none of that name, or an argument is out of range.
    """
    if body not in classifiers():
        raise OptionError(f"body is {body!r}; expected one of {', '.join(classifiers())}")
    given = dict(arguments or {})
    unknown = given.keys() - inspect.signature(MODELS[body].build).parameters.keys()
    if unknown:
        raise OptionError(f"body {body} has no argument {sorted(unknown)[0]!r}; leave it out of body_arguments")
    network = MODELS[body].build(**{**given, "classes": 1, "channels": channels})
    size = given.get("size", _own_size(body))
    height, width = size if isinstance(size, list | tuple) else _own_size(body)
    return Classifier(network, (height, width), MODELS[body].smallest_side)


def _own_size(body: str) -> tuple[int, int]:
    """Return height and width of the pictures that a network is for; of large ones where it takes any."""
    size = inspect.signature(MODELS[body].build).parameters.get("size")
    side = MODELS[body].kept_sides[1]
    return (side, side) if size is None else size.default


def fit_body(body: str, **arguments: object) -> Fit:
    """Return those of a network for pixels over this body, with all that the body is built by.

    Args:
        body: its name.
        arguments: further ones of the network's builder, whatever the data.
    """

    def fit(outputs: int, shape: tuple[int, ...]) -> dict[str, object]:
        parameters = inspect.signature(MODELS[body].build).parameters.values()
        own = {each.name: each.default for each in parameters if each.default is not inspect.Parameter.empty}
        fitted = {**own, **MODELS[body].fit(1, (shape[0], *_own_size(body)))}
        body_arguments = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in fitted.items()
            if name not in ("classes", "channels")
        }
        return {**fit_channels(outputs, shape), "body": body, "body_arguments": body_arguments, **arguments}

    return fit


MODELS: dict[str, Architecture] = {
    "linear": Architecture(linear, fit_flat, "Fisher", 1936, "any"),
    "mlp": Architecture(mlp, fit_layers, "Rumelhart, Hinton & Williams", 1986, "any"),
    "lenet": _pictures(
        lenet.lenet,
        ("LeCun, Bottou, Bengio & Haffner", 1998),
        fit=fit_size,
        smallest_side=lenet.SMALLEST_SIDE,
        kept_sides=(28, 64),
    ),
    "small_resnet": Architecture(
        *(small_resnet, fit_strides, *RESIDUAL, "image"),
        kept_sides=(8, 96),
        bfloat16_from=16,
    ),
    "alexnet": _pictures(
        alexnet.alexnet,
        ("Krizhevsky, Sutskever & Hinton", 2012),
        fit=fit_size,
        smallest_side=alexnet.SMALLEST_SIDE,
    ),
    "vgg11": _vgg(11),
    "vgg13": _vgg(13),
    "vgg16": _vgg(16),
    "vgg19": _vgg(19),
    "nin": _pictures(nin, ("Lin, Chen & Yan", 2014), fit=fixed(fit_channels, batch_norm=True), kept_sides=SMALL),
    "googlenet": _pictures(googlenet.googlenet, ("Szegedy et al.", 2015), smallest_side=googlenet.SMALLEST_SIDE),
    "resnet18": _residual("resnet18"),
    "resnet34": _residual("resnet34"),
    "resnet50": _residual("resnet50"),
    "resnet101": _residual("resnet101"),
    "resnet152": _residual("resnet152"),
    "wide_resnet50_2": _residual("wide_resnet50_2", WIDE),
    "resnext50_32x4d": _residual("resnext50_32x4d", ("Xie, Girshick, Dollar, Tu & He", 2017)),
    "cifar_resnet20": _thin(20),
    "cifar_resnet32": _thin(32),
    "cifar_resnet44": _thin(44),
    "cifar_resnet56": _thin(56),
    "cifar_resnet110": _thin(110),
    "cifar_resnet1202": _thin(1202, fixed(fit_channels, checkpointing=True)),
    "wrn28_10": _pictures(wrn28_10, WIDE, kept_sides=SMALL),
    "densenet121": _dense("densenet121"),
    "densenet169": _dense("densenet169"),
    "densenet201": _dense("densenet201"),
    "densenet_bc_100_12": _pictures(densenet.densenet_bc_100_12, DENSE, smallest_side=4, kept_sides=SMALL),
    "mobilenet": _pictures(mobilenet, ("Howard et al.", 2017)),
    "mobilenet_v2": _pictures(mobilenet_v2, ("Sandler, Howard, Zhu, Zhmoginov & Chen", 2018)),
    "efficientnet_b0": _scaled("efficientnet_b0"),
    "efficientnet_b1": _scaled("efficientnet_b1"),
    "efficientnet_b2": _scaled("efficientnet_b2"),
    "efficientnet_b3": _scaled("efficientnet_b3"),
    "efficientnet_b4": _scaled("efficientnet_b4"),
    "efficientnet_b5": _scaled("efficientnet_b5"),
    "efficientnet_b6": _scaled("efficientnet_b6"),
    "efficientnet_b7": _scaled("efficientnet_b7"),
    "unet": _pixels(unet, ACROSS, fit=fixed(fit_channels, padding="same", normalization="batch"), side=572),
    "fcn32s": _fully("fcn32s", 0),
    "fcn16s": _fully("fcn16s", 1),
    "fcn8s": _fully("fcn8s", 2),
    "encoder_decoder": _pixels(partial(encoder_decoder, classifier), ACROSS, fit=fit_body("resnet18")),
}
