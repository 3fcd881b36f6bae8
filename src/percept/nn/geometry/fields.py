"""What each step of a network sees of the picture, followed from one to the next."""

from torch import Tensor, fx

from percept.errors import OptionError
from percept.nn.geometry.along import Along, Field, Given, UnfollowedError
from percept.nn.geometry.layers import operation
from percept.nn.geometry.rules import after
from percept.nn.geometry.trace import Trace, kind_of, name_of, value_of
from percept.nn.geometry.windows import Windows


def fields(trace: Trace) -> dict[fx.Node, Field | OptionError]:
    """Return what each step of a network sees, or the error that names the step from which on it is not known.

    Values that depend on no pixel, such as parameters, are left out.
    """
    shape = value_of(trace.input).shape
    start = tuple(Along(Windows(), shape[axis], shape[axis], axis) for axis in range(2, len(shape)))
    found: dict[fx.Node, Field | OptionError] = {trace.input: start}
    for node in trace.nodes:
        inputs = [found[each] for each in node.all_input_nodes if each in found]
        if inputs:
            hidden = next((each for each in inputs if isinstance(each, OptionError)), None)
            found[node] = _field(node, found) if hidden is None else hidden
    return found


def _field(node: fx.Node, found: dict[fx.Node, Field | OptionError]) -> Field | OptionError:
    given = []
    for each in node.all_input_nodes:
        field = found.get(each)
        if isinstance(field, tuple):
            given.append(Given(tuple(getattr(value_of(each), "shape", ())), field))
    made = value_of(node)
    try:
        return after(operation(node), given, tuple(made.shape) if isinstance(made, Tensor) else None)
    except UnfollowedError as why:
        return OptionError(f"the receptive field is not known from {name_of(node)} ({kind_of(node)}) on: {why}")
