"""The public names and what they take: a change here is a change for every user, and belongs in the CHANGELOG."""

import inspect
import os
import subprocess
import sys
from pathlib import Path

import pytest

import percept
from percept import errors

# The options of a training, which fit and select share.
OPTIONS = (
    ", test=None, task=None, group=None, header=None, test_size=None, validation_size=None,"
    " skip_unreadable=None, image_size=None, resize=None, classes=None, ignore=None, nearest=None,"
    " model=None, pretrained=None, transfer=None, epochs=None, batch_size=None, optimizer=None,"
    " learning_rate=None, weight_decay=None, momentum=None, schedule=None, metric=None, patience=None,"
    " clip_norm=None, class_weights=None, augment=None, augment_class=None, mixup=None, cutmix=None,"
    " label_smoothing=None, find_lr=None, tta=None, abstain=None, loss=None, weight_map=None, masking=None,"
    " crop=None, patches=None, memory=None, minutes=None, seed=None, device=None, precision=None,"
    " threads=None"
)

# How the two estimators of pictures are trained, between their model and what is their own.
PICTURES = (
    ", *, augment='auto', solver='adamw', max_iter='auto', batch_size='auto', learning_rate='cosine',"
    " learning_rate_init='auto', momentum=0.9, alpha='auto', early_stopping=False, validation_fraction=0.1,"
    " n_iter_no_change=10, random_state=None, precision='auto', device='auto', verbose=False"
)

# The parameters of each public function or class, as Python writes them without types; a changed default shows here.
SIGNATURES = {
    "ImageClassifier": (
        "model='small_resnet'" + PICTURES + ", pretrained=None, transfer='head', arguments=None, image_size=None,"
        " resize='stretch', mixup=0.0, label_smoothing=0.0, class_weight=None, tta=None"
    ),
    "ImageSegmenter": (
        "model='unet'" + PICTURES + ", arguments=None, loss='cross_entropy+dice', class_weight=None,"
        " weight_map=None, masking=0.0, crop='auto', memory=None, ignore='auto'"
    ),
    "LinearClassifier": (
        "alpha=1.0, *, fit_intercept=True, class_weight=None, solver='lbfgs', max_iter=1000, tol=0.0001,"
        " warm_start=False, verbose=0"
    ),
    "MLPClassifier": (
        "hidden_layer_sizes=(100,), activation='relu', *, solver='adam', batch_size='auto',"
        " learning_rate='constant', learning_rate_init=0.001, power_t=0.5, max_iter=200, shuffle=True,"
        " random_state=None, tol=0.0001, verbose=False, momentum=0.9, nesterovs_momentum=True,"
        " early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-08,"
        " n_iter_no_change=10, max_fun=15000, initializer=None, dropout=0.0, batch_norm=False, restarts=1,"
        " learning_rates=None, device='cpu', alpha=0.0001, warm_start=False, loss='log_loss', output=None,"
        " class_weight=None"
    ),
    "MLPClassifierCV": (
        "alphas=(0.0001, 0.001, 0.01, 0.1, 1.0, 10.0), hidden_layer_sizes=(100,), activation='relu', *,"
        " solver='adam', batch_size='auto', learning_rate='constant', learning_rate_init=0.001, power_t=0.5,"
        " max_iter=200, shuffle=True, random_state=None, tol=0.0001, verbose=False, momentum=0.9,"
        " nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999,"
        " epsilon=1e-08, n_iter_no_change=10, max_fun=15000, initializer=None, dropout=0.0, batch_norm=False,"
        " restarts=1, learning_rates=None, device='cpu', cv=None, scoring=None, refit=True,"
        " return_train_score=False, preprocessing=None, folder=None, progress=None, loss='log_loss',"
        " output=None, class_weight=None"
    ),
    "MLPRegressor": (
        "loss='squared_error', hidden_layer_sizes=(100,), activation='relu', *, solver='adam',"
        " batch_size='auto', learning_rate='constant', learning_rate_init=0.001, power_t=0.5, max_iter=200,"
        " shuffle=True, random_state=None, tol=0.0001, verbose=False, momentum=0.9, nesterovs_momentum=True,"
        " early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999, epsilon=1e-08,"
        " n_iter_no_change=10, max_fun=15000, initializer=None, dropout=0.0, batch_norm=False, restarts=1,"
        " learning_rates=None, device='cpu', alpha=0.0001, warm_start=False, output=None"
    ),
    "MLPRegressorCV": (
        "alphas=(0.0001, 0.001, 0.01, 0.1, 1.0, 10.0), hidden_layer_sizes=(100,), activation='relu', *,"
        " solver='adam', batch_size='auto', learning_rate='constant', learning_rate_init=0.001, power_t=0.5,"
        " max_iter=200, shuffle=True, random_state=None, tol=0.0001, verbose=False, momentum=0.9,"
        " nesterovs_momentum=True, early_stopping=False, validation_fraction=0.1, beta_1=0.9, beta_2=0.999,"
        " epsilon=1e-08, n_iter_no_change=10, max_fun=15000, initializer=None, dropout=0.0, batch_norm=False,"
        " restarts=1, learning_rates=None, device='cpu', cv=None, scoring=None, refit=True,"
        " return_train_score=False, preprocessing=None, folder=None, progress=None, loss='squared_error',"
        " output=None"
    ),
    "Perceptron": (
        "*, penalty=None, alpha=0.0001, l1_ratio=0.15, fit_intercept=True, max_iter=1000, tol=0.001,"
        " shuffle=True, verbose=0, eta0=1.0, n_jobs=None, random_state=0, early_stopping=False,"
        " validation_fraction=0.1, n_iter_no_change=5, class_weight=None, warm_start=False, output='sign',"
        " pocket=False, trace=False"
    ),
    "audit": "data, target=None, *, test=None, task=None, group=None, header=None, progress=None",
    "densify": "run, *, out=None, semantics=None, say=None",
    "evaluate": "run, *, data=None, tta=None, device=None, threads=None",
    "explain": "network, inputs, targets, *, loss=None",
    "fit": (
        "data, target=None, *, out=None, cv=None, alphas=None, hidden=None, restarts=None, nested=None, resume=False,"
        " watch=None, progress=None" + OPTIONS
    ),
    "inspect": "network, *, image=None, channels=None, classes=None, features=None",
    "load": "path, *, device='auto'",
    "predict": (
        "run, samples, *, out=None, probabilities=False, tta=None, abstain=None, activation=False, count=None,"
        " threshold=None, distance=None, skip_unreadable=False, memory=None, resume=False, device=None, threads=None,"
        " progress=None"
    ),
    "preview_augment": (
        "data, target=None, *, augment='auto', augment_class=None, image_size=None, pictures=6, versions=6, seed=0,"
        " out=None, progress=None"
    ),
    "select": (
        "data, target=None, *, grid, cv=5, nested=None, n_jobs=None, out=None, resume=False, watch=None,"
        " progress=None" + OPTIONS
    ),
}

ERRORS = {
    "PerceptError": (Exception,),
    "OptionError": (errors.PerceptError, ValueError),
    "DataError": (errors.PerceptError, ValueError),
    "ModelFileError": (errors.PerceptError, ValueError),
    "RunFolderError": (errors.PerceptError, ValueError),
    "TrainingError": (errors.PerceptError, RuntimeError),
    "WriteError": (errors.PerceptError, OSError),
    "PerceptWarning": (UserWarning,),
}


def parameters(function: object) -> str:
    """Return a function's parameters as Python writes them, without types."""
    if not callable(function):
        raise TypeError(f"{function!r} is no function")
    bare = [
        each.replace(annotation=inspect.Parameter.empty) for each in inspect.signature(function).parameters.values()
    ]
    return str(inspect.Signature(bare))[1:-1]


def in_a_fresh_python(code: str) -> str:
    """Return what a Python of its own prints for some code, outside this checkout's folder."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent,
        env={**os.environ, "COLUMNS": "120"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_public_names_are_these() -> None:
    assert percept.__all__ == ["__version__", *sorted(SIGNATURES)]
    assert set(percept.__all__) <= set(dir(percept))


@pytest.mark.parametrize("name", SIGNATURES)
def test_public_functions_and_classes_take_these_arguments(name: str) -> None:
    assert parameters(getattr(percept, name)) == SIGNATURES[name]


@pytest.mark.parametrize("name", SIGNATURES)
def test_public_functions_and_classes_say_what_they_do(name: str) -> None:
    assert inspect.getdoc(getattr(percept, name))


def test_the_errors_a_caller_may_catch_are_these() -> None:
    public = {
        name: value.__bases__
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }
    assert public == ERRORS


def test_networks_are_built_by_what_percept_itself_offers() -> None:
    code = "import percept; print(percept.models.build('cifar_resnet20', classes=3)[-1].out_features)"
    assert in_a_fresh_python(code).strip() == "3"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'fitt'"):
        _ = percept.fitt


def test_importing_percept_imports_none_of_the_large_packages() -> None:
    large = in_a_fresh_python(
        "import sys; before = set(sys.modules); import percept;"
        "loaded = {name.split('.')[0] for name in set(sys.modules) - before};"
        "print(*sorted(loaded & {'torch', 'numpy', 'pandas', 'sklearn', 'PIL', 'matplotlib', 'typer', 'numba'}))"
    )
    assert large.split() == []


def test_the_commands_help_imports_no_torch() -> None:
    printed = in_a_fresh_python(
        "import sys; sys.argv = ['percept', '--help']\n"
        "from percept.cli.main import run\n"
        "try:\n    run()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "heavy = {'torch', 'numpy', 'pandas', 'sklearn', 'matplotlib'} & set(sys.modules)\n"
        "print('imported:', *sorted(heavy))"
    )
    assert "fit" in printed and "evaluate" in printed
    assert printed.splitlines()[-1] == "imported:"
