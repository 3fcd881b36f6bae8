"""What the two multilayer perceptrons share: a fit from first weights to last, and the way through the network."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from percept.errors import DataError, OptionError, PerceptWarning
from percept.estimators.epochs import Lesson, Settings, Shuffles, train
from percept.estimators.held_out import hold_out
from percept.estimators.layers import Trained, answers, pack, unpack
from percept.estimators.mlp_options import TrainingOptions, check_options, dropout_chances, hidden_sizes, settings_of
from percept.estimators.restarts import generators_of, lowest
from percept.estimators.weights import sample_weights
from percept.training.quasi_newton import quasi_newton
from percept.training.stacked.course import BEST, NOW, SEEN, STOPPED, UNIMPROVED, Courses, new_courses
from percept.training.stacked.design import Floats, Network
from percept.training.stacked.draw import initial_parameters
from percept.training.stacked.run import Validate
from percept.training.stacked.solver import State, new_state, take

NORMS = ("norm_scales_", "norm_shifts_", "norm_means_", "norm_variances_")  # with batch normalization only


def by_batches(estimator: Any) -> bool:
    """Return whether an estimator's solver takes the samples by batches, so that it can go on an epoch at a time."""
    return bool(estimator.solver != "lbfgs")


@dataclass(eq=False, repr=False)
class MultilayerPerceptron(TrainingOptions, BaseEstimator):  # type: ignore[misc]
    """The base of MLPClassifier and MLPRegressor, which says how they are trained; not to be used by itself."""

    alpha: float = field(default=0.0001, kw_only=True)
    warm_start: bool = field(default=False, kw_only=True)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train the network, from fresh weights unless `warm_start` is set.

        Args:
            X: (samples, features) numbers, dense or sparse.
            y: (samples,) or (samples, outputs) what is to be predicted.
            sample_weight: (samples,) what each sample counts for; None for all the same.

        Returns:
            The estimator.

        Raises:
            OptionError: an argument of the constructor does not work.
            ValueError: the data cannot be used.
        """
        return self._fit(X, y, sample_weight, incremental=False)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    # What the two classes say for themselves.

    def _check_loss(self) -> None:
        """Raise unless loss and output are known and go together."""
        raise NotImplementedError

    def _read(self, X: Any, y: Any, *, incremental: bool, fresh: bool) -> tuple[Any, NDArray[Any], Floats]:
        """Return checked X and y, and the targets of the output layer (samples, outputs)."""
        raise NotImplementedError

    def _read_all(self, X: Any, y: Any) -> tuple[Any, Floats]:
        """Return all inputs, and the targets that an output layer for the samples read before has for them."""
        raise NotImplementedError

    def _classes_in(self, y: NDArray[Any]) -> tuple[Any, ...]:
        """Return what tells output layers apart that are made for some targets."""
        return ()

    def _output(self) -> str:
        """Return the function of the output layer, by the targets that were read where none is named."""
        raise NotImplementedError

    def _class_weighted(self, weights: Floats | None, y: NDArray[Any], dtype: np.dtype[Any]) -> Floats | None:
        """Return the weights of the samples with those of their classes."""
        return weights

    def _strata(self, T: Floats) -> NDArray[np.bool_] | None:
        """Return what the samples held out are stratified by."""
        return None

    def _score(self, outputs: Floats, T: Floats, sample_weight: Floats | None) -> float:
        """Return how good outputs are, higher being better."""
        raise NotImplementedError

    def _score_name(self) -> str:
        """Return the engine's name of that score; see `Rule`."""
        raise NotImplementedError

    # The fit.

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Self:
        check_options(self)
        self._check_loss()
        if incremental and self.early_stopping:
            raise OptionError("partial_fit does not support early_stopping=True: it has no samples to hold out")
        if incremental and self.restarts > 1:
            raise OptionError(f"partial_fit trains one network, but restarts is {self.restarts}; set restarts=1")
        fresh = not hasattr(self, "coefs_") or (not self.warm_start and not incremental)
        X, y, T = self._read(X, y, incremental=incremental, fresh=fresh)
        weights = sample_weights(sample_weight, len(T), X.dtype)
        weights = self._class_weighted(weights, y, X.dtype)
        self.n_outputs_ = T.shape[1]
        sizes = (X.shape[1], *hidden_sizes(self.hidden_layer_sizes), T.shape[1])
        generators = generators_of(check_random_state(self.random_state), self.restarts if fresh else 1)
        starts = self._begin(sizes, generators, X.dtype) if fresh else self._continue(sizes, X.dtype)
        if self.solver == "lbfgs":
            self._fit_whole(X, T, weights, starts)
        else:
            self._fit_batches(X, T, weights, starts, generators, incremental=incremental)
        # Best weights kept from before a divergence are an error for classes only, as in scikit-learn.
        counts = self._score_name() != "r2" and self.n_iter_ > 0
        learnt = (*self.coefs_, *self.intercepts_, self.loss_ if counts else 0.0)
        if not all(np.isfinite(part).all() for part in learnt):
            raise DataError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be"
                " preprocessed."
            )
        return self

    def _begin(
        self, sizes: tuple[int, ...], generators: list[np.random.RandomState], dtype: np.dtype[Any]
    ) -> list[Trained]:
        """Forget the training of an earlier fit; return freshly drawn networks."""
        self.out_activation_ = self._output()
        self.n_layers_ = len(sizes)
        self.n_iter_ = 0
        self.t_ = 0
        self._state: State | None = None
        self._state_of: tuple[str, bool] | None = None  # the solver that it is of, and whether with dropout
        self._best: Trained | None = None
        for name in ("restart_scores_", *NORMS):
            self.__dict__.pop(name, None)
        if self.solver != "lbfgs":
            self._begin_story()
        network = self._network(sizes)
        drawn = [initial_parameters(network, each, dtype, self.initializer) for each in generators]
        return [Trained(flat, new_state(network, flat).statistics[0]) for flat in drawn]

    def _begin_story(self) -> None:
        """Set what training by batches goes by and reports to what it is before the first epoch."""
        self.loss_curve_: list[float] = []
        self._no_improvement_count = 0
        self.best_loss_ = None if self.early_stopping else np.inf
        self.validation_scores_: list[float] | None = [] if self.early_stopping else None
        self.best_validation_score_ = -np.inf if self.early_stopping else None

    def _continue(self, sizes: tuple[int, ...], dtype: np.dtype[Any]) -> list[Trained]:
        """Return the network of the last fit, which is trained further."""
        before = (self.coefs_[0].shape[0], *(weights.shape[1] for weights in self.coefs_))
        if before != sizes:
            raise OptionError(
                f"the network has layers of {before} units and hidden_layer_sizes and the data now ask for {sizes};"
                " fit anew with warm_start=False"
            )
        if bool(self.batch_norm) != hasattr(self, NORMS[0]):
            raise OptionError(
                f"batch_norm is {self.batch_norm}, but it was not when the network was made; fit anew with"
                " warm_start=False"
            )
        if self.solver != "lbfgs" and not hasattr(self, "loss_curve_"):  # so far it was trained by lbfgs
            self._begin_story()
        return [pack(self._network(sizes), self, dtype)]

    def _network(self, sizes: tuple[int, ...]) -> Network:
        loss = "log_loss" if self.loss == "cross_entropy" else self.loss
        return Network(
            sizes,
            self.activation,
            self.out_activation_,
            loss,
            dropout=dropout_chances(self.dropout, len(sizes) - 2),
            batch_norm=bool(self.batch_norm),
        )

    def _fit_whole(self, X: Any, T: Floats, weights: Floats | None, starts: list[Trained]) -> None:
        """Train on all samples at once, from each start, and keep the lowest loss."""
        network = self._network((X.shape[1], *hidden_sizes(self.hidden_layer_sizes), T.shape[1]))
        found = [
            quasi_newton(
                network,
                start.parameters,
                X,
                T,
                alpha=self.alpha,
                sample_weight=weights,
                steps=self.max_iter,
                evaluations=self.max_fun,
                tolerance=self.tol,
                verbose=bool(self.verbose),
            )
            for start in starts
        ]
        self.restart_losses_ = [minimum.loss for minimum in found]
        best = found[lowest(self.restart_losses_)]
        self.n_iter_, self.loss_ = best.steps, best.loss
        if not best.converged:
            warnings.warn(
                f"lbfgs failed to converge in {best.steps} iterations ({best.reason}); scale the features, or raise"
                f" max_iter (now {self.max_iter}) or max_fun (now {self.max_fun})",
                ConvergenceWarning,
                stacklevel=4,
            )
        unpack(network, Trained(best.parameters.astype(T.dtype), starts[0].statistics), self)

    def _fit_batches(
        self,
        X: Any,
        T: Floats,
        weights: Floats | None,
        starts: list[Trained],
        generators: list[np.random.RandomState],
        *,
        incremental: bool,
    ) -> None:
        """Train by batches, from each start, and keep the best by the samples held out, else by the training loss."""
        network = self._network((X.shape[1], *hidden_sizes(self.hidden_layer_sizes), T.shape[1]))
        rows, held, validate = np.arange(len(T)), None, None
        if self.early_stopping:
            rows, held = hold_out(len(T), self.validation_fraction, generators[0], self._strata(T))
            validate = self._validator(network, X, T, weights, [held])
        state = self._stacked(network, starts, generators, incremental=incremental)
        settings = settings_of(self, len(rows), 1 if incremental else self.max_iter)
        courses = self._courses(state, settings)
        models = len(starts)
        lesson = Lesson(
            *(X, T, weights, rows[None], np.array([len(rows)]), np.zeros(models, np.intp)),
            alphas=np.full(models, float(self.alpha)),
            held=None if held is None else held[None],
        )
        shuffles = Shuffles(generators, [len(rows)] * models, np.arange(models), exact=True)
        try:
            train(network, lesson, state, courses, shuffles, settings, validate)
        except KeyboardInterrupt:
            warnings.warn("training was interrupted; the weights reached so far are kept", PerceptWarning, stacklevel=4)
        ended = self._choose(network, state, courses)
        if not incremental and self.n_iter_ == self.max_iter and not ended:
            warnings.warn(
                f"training has not converged after max_iter={self.max_iter} epochs: the loss or score still changes by"
                f" more than tol={self.tol:g}; raise max_iter or learning_rate_init",
                ConvergenceWarning,
                stacklevel=4,
            )

    def _stacked(
        self, network: Network, starts: list[Trained], generators: list[np.random.RandomState], *, incremental: bool
    ) -> State:
        """Return the state of the networks to train: a new one, or for partial_fit the solver's memory of the last."""
        parameters = np.stack([start.parameters for start in starts])
        state: State | None = getattr(self, "_state", None)
        same = (self.solver, bool(network.dropout))  # a solver's memory means nothing to another
        if incremental and state is not None and self._state_of == same:
            state.parameters[:] = parameters
        else:
            seeds = [each.randint(2**31 - 1) for each in generators] if network.dropout else None
            state = new_state(network, parameters, None if seeds is None else np.array(seeds))
            self._learning_rate = float(self.learning_rate_init)
        self._state_of = same
        state.statistics[:] = [start.statistics for start in starts]
        return state

    def _courses(self, state: State, settings: Settings) -> Courses:
        """Return the training so far of the network at hand, and of restarts beside it, which have none."""
        courses = new_courses(state, settings.rule, settings.epochs)
        courses.table[:, NOW] = self._learning_rate
        best = self.best_validation_score_ if self.early_stopping else self.best_loss_
        courses.table[0, [UNIMPROVED, SEEN]] = self._no_improvement_count, self.t_
        if best is not None:
            courses.table[0, BEST] = best
        if self.early_stopping and self._best is not None:
            courses.best[0], courses.best_statistics[0] = self._best.parameters, self._best.statistics
        return courses

    def _choose(self, network: Network, state: State, courses: Courses) -> bool:
        """Keep the best of the restarts, its weights and the story of its training; return whether it has stopped."""
        losses = [line[:epochs] for line, epochs in zip(courses.losses, courses.epochs, strict=True)]
        self.restart_losses_ = [float(line[-1]) if len(line) else np.inf for line in losses]
        best = int(lowest(self.restart_losses_))
        if self.early_stopping:
            self.restart_scores_ = courses.table[:, BEST].tolist()
            best = int(lowest([-score for score in self.restart_scores_]))
        course = courses.table[best]
        self._state = state if len(losses) == 1 else take(state, [best])
        self._learning_rate, self._no_improvement_count = float(course[NOW]), int(course[UNIMPROVED])
        self.n_iter_, self.t_ = len(losses[best]), int(course[SEEN])
        self.loss_, self.loss_curve_ = self.restart_losses_[best], [*self.loss_curve_, *losses[best].tolist()]
        found = Trained(self._state.parameters[0], self._state.statistics[0])
        if self.early_stopping:
            self.best_validation_score_ = float(course[BEST])
            scores = courses.scores[best, : self.n_iter_].tolist()
            self.validation_scores_ = [*(self.validation_scores_ or []), *scores]
            self._best = found = Trained(courses.best[best], courses.best_statistics[best])
        else:
            self.best_loss_ = float(course[BEST])
        unpack(network, found, self)
        return bool(course[STOPPED])

    def _validator(
        self, network: Network, X: Any, T: Floats, weights: Floats | None, lines: Sequence[NDArray[np.intp]]
    ) -> Validate:
        """Return the function that scores a network on a line of samples held out; NaN where it answers no numbers."""

        def validate(parameters: Floats, statistics: Floats, line: int) -> float:
            held = lines[line]
            outputs = answers(network, Trained(parameters, statistics), X[held])
            if not np.isfinite(outputs).all():
                return float("nan")
            return self._score(outputs, T[held], None if weights is None else weights[held])

        return validate

    def _outputs(self, X: Any) -> Floats:
        """Return the values of the output layer (samples, outputs) for checked X."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", dtype=(np.float64, np.float32), reset=False)
        sizes = (self.coefs_[0].shape[0], *(weights.shape[1] for weights in self.coefs_))
        network = Network(sizes, self.activation, self.out_activation_, batch_norm=hasattr(self, NORMS[0]))
        return answers(network, pack(network, self, np.result_type(X.dtype, self.coefs_[0].dtype)), X)
