import pytest
import torch
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from percept.errors import OptionError
from percept.models.linear import linear


def test_scores_equal_those_of_scikit_learn_with_the_same_weights() -> None:
    X, y = load_iris(return_X_y=True)
    other = LogisticRegression(max_iter=500).fit(X, y)
    network = linear(classes=3, inputs=4).double()
    network.load_state_dict({"1.weight": torch.tensor(other.coef_), "1.bias": torch.tensor(other.intercept_)})
    torch.testing.assert_close(network(torch.tensor(X)).detach(), torch.tensor(other.decision_function(X)))


def test_a_picture_is_taken_pixel_by_pixel() -> None:
    network = linear(classes=10, inputs=3 * 4 * 5)
    pictures = torch.randn(2, 3, 4, 5)
    assert torch.equal(network(pictures), network(pictures.flatten(1)))
    assert torch.equal(network(pictures), network(pictures.to(memory_format=torch.channels_last)))


@pytest.mark.parametrize("classes", [0, -1, 2.5, True, "ten", None])
def test_a_count_that_is_no_count_is_refused(classes: int) -> None:
    with pytest.raises(OptionError, match="linear: classes is .*; expected a whole number of at least 1"):
        linear(classes=classes, inputs=4)
