"""Training a stack by torch: every activation, solver, loss and device, with dropout and batch normalization."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from percept.devices import choose_device
from percept.training.stacked.design import layers_of
from percept.training.stacked.propagation import gradients, parts_of
from percept.training.stacked.threads import forked
from percept.training.stacked.updates import make_update
from percept.training.stacked.work import Work

BATCH_NUMBERS = 1 << 24  # of all models of a stack trained at once: larger stacks go through in parts


def train(work: Work, device: str = "cpu") -> NDArray[np.float64]:
    """Train every model of a stack in place and return the losses (models, epochs).

    Args:
        work: the order.
        device: a name that `choose_device` takes.

    Raises:
        OptionError: there is no such device.
    """
    place = choose_device(device)
    if forked() and torch.get_num_threads() > 1:
        torch.set_num_threads(1)  # it would wait for ever for its threads, which only the process before had
    losses = np.empty((work.models, work.epochs))
    batch = min(work.batch_size, work.rows.shape[1])
    together = max(1, BATCH_NUMBERS // (batch * sum(work.network.sizes)))
    with torch.no_grad():
        tables = None if work.sparse else torch.from_numpy(_writable(work.X)).to(place)
        targets = torch.from_numpy(_writable(work.T)).to(place)
        for count in np.unique(work.counts):
            alike = np.flatnonzero(work.counts == count)
            for start in range(0, len(alike), together):
                models = alike[start : start + together]
                losses[models] = _train(work, models, int(count), tables, targets, place)
    return losses


def _writable(array: NDArray[Any]) -> NDArray[Any]:
    return array if array.flags.writeable else array.copy()  # torch warns of arrays that it could write to but may not


@dataclass(frozen=True)
class Stack:
    """What models that are trained together hold on the device: (models, parameters), and (models, ...) statistics."""

    parameters: Tensor
    first: Tensor
    second: Tensor
    statistics: Tensor

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """All of them."""
        return self.parameters, self.first, self.second, self.statistics


def _train(
    work: Work, models: NDArray[np.intp], count: int, tables: Tensor | None, targets: Tensor, place: torch.device
) -> NDArray[np.float64]:
    """Train models with the same number of samples together; returns their losses (models, epochs)."""
    network, state, layers = work.network, work.state, layers_of(work.network)
    held = (state.parameters, state.first, state.second, state.statistics)
    shared = place.type == "cpu" and len(models) == work.models
    stack = Stack(*(torch.from_numpy(array if shared else array[models]).to(place) for array in held))
    p, gradient = stack.parameters, torch.zeros_like(stack.parameters)
    own, slopes = parts_of(layers, p), parts_of(layers, gradient)
    statistics = (
        list(torch.split(stack.statistics, [2 * units for units in network.hidden], 1)) if network.batch_norm else []
    )
    steps = state.steps[models].astype(np.float64)[:, None]
    update = make_update(work.solver, layers, work.rates, p, stack.first, stack.second, steps)
    penalty = torch.zeros_like(p)  # alpha where there is a weight, 0 for biases and norms
    for layer in layers:
        penalty[:, layer.weights] = torch.from_numpy(work.alphas[models]).to(place, p.dtype)[:, None]
    penalized = bool(work.alphas[models].any())
    losses = torch.zeros(len(models), work.epochs, dtype=p.dtype, device=place)
    for epoch in range(work.epochs):
        rows = _rows(work, models, count, epoch)
        sent = torch.from_numpy(rows).to(place)
        for start in range(0, count, work.batch_size):
            batch, chosen = rows[:, start : start + work.batch_size], sent[:, start : start + work.batch_size]
            samples = batch.shape[1]
            X = torch.from_numpy(_dense(work, batch)).to(place) if tables is None else tables[chosen]
            weights, total, idle = _weights(work, models, batch)
            kept = [None if one is None else torch.from_numpy(one).to(place) for one in _dropout(work, models, samples)]
            totals = torch.from_numpy(total).to(place)
            given = None if weights is None else torch.from_numpy(weights).to(place)
            before = [part.clone() for part in stack.parts] if idle is not None else []
            X = X.expand(len(models), -1, -1)
            loss = gradients(network, own, slopes, X, targets[chosen], given, totals, kept, statistics)
            decay = penalty / totals
            if penalized:
                loss = loss + 0.5 * torch.linalg.vecdot(decay * p, p)
            update(gradient, decay)
            if idle is not None:  # models whose batch weighs nothing stay as they were
                still = torch.from_numpy(idle).to(place)
                for part, old in zip(stack.parts, before, strict=True):
                    part.copy_(torch.where(still, old, part))
                loss = torch.where(still[:, 0], 0, loss)
            steps += 1 if idle is None else ~idle
            losses[:, epoch] += loss * (samples / count)
    if not shared:
        for array, tensor in zip(held, stack.parts, strict=True):
            array[models] = tensor.cpu().numpy()
    state.steps[models] = steps[:, 0].astype(np.int64)
    return losses.cpu().double().numpy()


def _rows(work: Work, models: NDArray[np.intp], count: int, epoch: int) -> NDArray[np.intp]:
    """Return the rows of the inputs in an epoch's order: (models, count), or (1, count) where all have the same."""
    owned, ordered = work.rows_of[models], work.orders_of[models]
    if (owned == owned[0]).all() and (ordered == ordered[0]).all():
        owned, ordered = owned[:1], ordered[:1]
    return np.take_along_axis(work.rows[owned], work.orders[ordered, epoch, :count], axis=1)


def _dense(work: Work, batch: NDArray[np.intp]) -> NDArray[Any]:
    """Return the rows of sparse inputs in a batch (models or 1, samples, features)."""
    rows: NDArray[Any] = work.X[batch.ravel()].toarray()
    return rows.reshape(*batch.shape, -1)


def _weights(
    work: Work, models: NDArray[np.intp], batch: NDArray[np.intp]
) -> tuple[NDArray[Any] | None, NDArray[Any], NDArray[np.bool_] | None]:
    """Return the samples' weights (models or 1, samples, 1) or None, their sums, and which models have nothing to do.

    The sums (models, 1) are 1 where they would be 0; the last are (models, 1), or None where every model has a step.
    """
    dtype = work.state.parameters.dtype
    if not work.weights.size:
        return None, np.full((len(models), 1), batch.shape[1], dtype), None
    if len(work.weights) == 1:
        weights = work.weights[0][batch]
    else:
        weights = np.take_along_axis(work.weights[models], np.broadcast_to(batch, (len(models), batch.shape[1])), 1)
    total = np.broadcast_to(weights.sum(axis=1, keepdims=True), (len(models), 1))
    idle = total == 0
    return weights[..., None], np.where(idle, 1, total).astype(dtype), idle if idle.any() else None


def _dropout(work: Work, models: NDArray[np.intp], samples: int) -> list[NDArray[Any] | None]:
    """Draw dropout's factors (models, samples, units) for each hidden layer, each model from its own generator."""
    network = work.network
    if not any(network.dropout):
        return [None] * len(network.hidden)
    factors: list[NDArray[Any] | None] = []
    for chance, units in zip(network.dropout, network.hidden, strict=True):
        if chance == 0:
            factors.append(None)
            continue
        drawn = np.stack([work.state.generators[model].random((samples, units)) for model in models])
        factors.append(((drawn >= chance) / (1 - chance)).astype(work.state.parameters.dtype))
    return factors
