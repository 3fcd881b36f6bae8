"""Mixed samples are what the formula says, their targets add up, and losses and figures take them."""

import math

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from percept.data.augment.draws import generator_of
from percept.data.mixup import Mixing, cutmix, mixup, soft_targets
from percept.errors import OptionError
from percept.evaluation.metrics import METRICS, metric_names
from percept.nn.losses import balanced_weights, cross_entropy, squared_error


def one_each(count: int, side: int = 4) -> torch.Tensor:
    """Return pictures of which each has a channel of its own, so that a mixture shows who is in it."""
    return torch.eye(count).view(count, count, 1, 1).expand(count, count, side, side)


@settings(deadline=None)
@given(
    labels=st.lists(st.integers(0, 4), min_size=1, max_size=20),
    alpha=st.floats(0, 5),
    smoothing=st.floats(0, 0.9),
    seed=st.integers(0, 1000),
    mix=st.sampled_from([mixup, cutmix]),
)
def test_mixed_targets_sum_to_one(labels: list[int], alpha: float, smoothing: float, seed: int, mix) -> None:  # type: ignore[no-untyped-def]
    soft = soft_targets(torch.tensor(labels), 5, smoothing=smoothing)
    _, mixed = mix(torch.rand(len(labels), 3, 6, 6), soft, alpha, generator_of(seed))
    assert (mixed >= 0).all()
    assert torch.allclose(mixed.sum(1), torch.ones(len(labels)), atol=1e-5)


@pytest.mark.parametrize("mix", [mixup, cutmix])
def test_a_target_has_each_class_by_its_share_of_the_picture(mix) -> None:  # type: ignore[no-untyped-def]
    pictures, mixed = mix(one_each(30, 8), torch.eye(30), 1.0, generator_of(0))
    assert torch.allclose(pictures.mean((2, 3)), mixed, atol=1e-6)
    assert (mixed.diagonal() < 1).sum() > 20


def test_a_rectangle_is_pasted_whole_and_where_it_was() -> None:
    pictures = torch.arange(8 * 9 * 10.0).view(8, 1, 9, 10)
    changed, mixed = cutmix(pictures, torch.eye(8), 1.0, generator_of(1))
    for number, (picture, target) in enumerate(zip(changed, mixed, strict=True)):
        other = int((target - torch.eye(8)[number]).argmax())
        pasted = picture[0] != pictures[number, 0]
        assert torch.equal(picture[0][pasted], pictures[other, 0][pasted])
        assert pasted.any(1).sum() * pasted.any(0).sum() == pasted.sum()


def test_the_share_kept_follows_the_beta_distribution() -> None:
    _, mixed = mixup(torch.zeros(2000, 1), torch.eye(2000), 0.4, generator_of(3))
    assert scipy.stats.kstest(mixed.diagonal().numpy(), scipy.stats.beta(0.4, 0.4).cdf).pvalue > 0.001


def test_the_same_generator_mixes_the_same_and_alpha_zero_not_at_all() -> None:
    pictures, soft = one_each(6), torch.eye(6)
    first, again = (mixup(pictures, soft, 0.3, generator_of(9, 1))[0] for _ in range(2))
    assert torch.equal(first, again)
    assert torch.equal(mixup(pictures, soft, 0, generator_of(0))[1], soft)


def test_smoothed_targets_are_torchs_label_smoothing() -> None:
    scores, labels = torch.randn(12, 4, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 4
    theirs = torch.nn.functional.cross_entropy(scores, labels, label_smoothing=0.2)
    assert torch.allclose(cross_entropy()(scores, soft_targets(labels, 4, smoothing=0.2)), theirs)


def test_soft_targets_that_are_hard_give_the_loss_of_class_numbers() -> None:
    scores, labels = torch.randn(12, 3, generator=torch.Generator().manual_seed(0)), torch.arange(12) % 3
    for weights in (None, torch.tensor([0.2, 1.0, 5.0])):
        loss = cross_entropy(weights)
        assert torch.allclose(loss(scores, soft_targets(labels, 3)), loss(scores, labels))
    assert torch.equal(balanced_weights(soft_targets(labels, 3), 3), balanced_weights(labels, 3))


def test_the_weighted_loss_of_a_mixture_is_written_out() -> None:
    loss = cross_entropy(torch.tensor([1.0, 3.0]))(torch.tensor([[0.0, math.log(4)]]), torch.tensor([[0.75, 0.25]]))
    # probabilities 1/5 and 4/5; weights 1 and 3: (0.75 log 5 + 3 * 0.25 log 5/4) / (0.75 + 3 * 0.25)
    assert float(loss) == pytest.approx((0.75 * math.log(5) + 0.75 * math.log(1.25)) / 1.5)


def test_figures_of_hard_targets_are_the_same_written_as_probabilities() -> None:
    generator = np.random.default_rng(0)
    truth, predicted = np.arange(60) % 3, generator.dirichlet(np.ones(3), 60)
    for name in metric_names("classification"):
        metric = METRICS[name]
        assert metric.measure(np.eye(3)[truth], predicted) == pytest.approx(metric.measure(truth, predicted)), name


def test_figures_of_soft_targets_are_scikit_learns_with_each_class_weighed_by_its_probability() -> None:
    generator = np.random.default_rng(1)
    soft, predicted = generator.dirichlet(np.ones(2), 50), generator.dirichlet(np.ones(2), 50)
    classes, both, weights = np.tile([0, 1], 50), predicted.repeat(2, axis=0), soft.ravel()
    chosen = both.argmax(1)
    measured = {name: METRICS[name].measure(soft, predicted) for name in metric_names("classification")}
    log_loss = -(soft * np.log(predicted)).sum(1).mean()
    assert measured["log_loss"] == measured["loss"] == pytest.approx(log_loss)
    assert measured["accuracy"] == pytest.approx(soft[np.arange(50), predicted.argmax(1)].mean())
    metrics = sklearn.metrics
    assert measured["auroc"] == pytest.approx(metrics.roc_auc_score(classes, both[:, 1], sample_weight=weights))
    recall = metrics.balanced_accuracy_score(classes, chosen, sample_weight=weights)
    assert measured["balanced_accuracy"] == pytest.approx(recall)
    f1 = metrics.f1_score(classes, chosen, sample_weight=weights, average="macro")
    assert measured["macro_f1"] == pytest.approx(f1)


def test_figures_to_predict_are_mixed_as_they_are() -> None:
    pictures, figures = torch.arange(10.0)[:, None], torch.arange(10.0) * 2 + 1
    mixed, targets = Mixing(classes=0, mixup=1.0)(pictures, figures, generator_of(0))
    assert torch.allclose(targets, mixed[:, 0] * 2 + 1)
    assert float(squared_error()(targets[:, None], targets)) == 0


def test_a_batch_takes_mixup_or_cutmix_where_both_are_asked_for() -> None:
    mixing, pictures, labels = Mixing(8, mixup=1.0, cutmix=1.0), one_each(8), torch.arange(8)
    pasted = [
        bool(((p == 0) | (p == 1)).all()) for p in (mixing(pictures, labels, generator_of(s))[0] for s in range(60))
    ]
    assert 15 < sum(pasted) < 45


def test_nothing_asked_for_leaves_class_numbers() -> None:
    labels = torch.arange(3)
    assert Mixing(3)(torch.zeros(3, 1), labels, generator_of(0))[1] is labels


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"classes": 3, "mixup": -1.0}, "--mixup is -1.0; expected 0"),
        ({"classes": 3, "cutmix": float("nan")}, "--cutmix is nan"),
        ({"classes": 3, "label_smoothing": 1.0}, "--label-smoothing is 1.0"),
        ({"classes": 0, "cutmix": 1.0}, "are for classes; the target is a number"),
    ],
)
def test_wrong_values_are_told(values: dict[str, float], sentence: str) -> None:
    with pytest.raises(OptionError, match=sentence):
        Mixing(**values)  # type: ignore[arg-type]


def test_class_numbers_cannot_be_mixed() -> None:
    with pytest.raises(OptionError, match="pass soft_targets\\(labels, classes\\)"):
        mixup(torch.zeros(2, 1), torch.tensor([0, 1]), 1.0, generator_of(0))
    with pytest.raises(OptionError, match="alpha is -1"):
        mixup(torch.zeros(2, 1), torch.eye(2), -1, generator_of(0))
