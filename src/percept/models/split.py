"""A network as two: the body, which may be computed once, and the head on its features."""

from torch import fx, nn

from percept.models.parts import Parts


def split(network: nn.Module, parts: Parts) -> tuple[nn.Module, nn.Module] | None:
    """Return the body and the head of a network, which share its layers: what the head learns, the network has learnt.

    Args:
        network: stays as it is.
        parts: its parts, from `percept.models.parts.find_parts`.

    Returns:
        A network from samples to features and one from features to scores, each in evaluation mode as far as the other
        part goes; None where torch.fx cannot follow the network for batches of any size.

    Source: notes §3.4.2.

    Example:
        >>> import torch
        >>> from percept.models.parts import find_parts
        >>> network, rows = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), torch.ones(5, 4)
        >>> body, head = split(network, find_parts(network, (4,)))
        >>> torch.equal(head(body(rows)), network(rows)), head.get_submodule("2") is network[2]
        (True, True)
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval()  # what runs in training alone is not part of either
    try:
        graph = fx.Tracer().trace(network)
    except Exception:  # whatever a network does that fx cannot follow
        return None
    finally:
        for module, training in modes:
            module.training = training
    first = [node for node in graph.nodes if node.op == "call_module" and node.target == parts.head.layers[0]]
    given = first[0].args[0] if len(first) == 1 else None
    return split_at(network, given) if isinstance(given, fx.Node) else None


def split_at(network: nn.Module, step: fx.Node) -> tuple[nn.Module, nn.Module] | None:
    """Return what leads to a step of a network, with that step, and what is made of it; both share the layers.

    Args:
        network: stays as it is.
        step: of the graph that torch.fx has traced of it.

    Returns:
        A network from samples to what the step gives, and one from there to the outputs; None where the outputs take
        more than that one value.
    """
    nodes = list(step.graph.nodes)
    after = nodes.index(step) + 1
    weights: list[fx.Node] = []  # and what is made of them alone: both parts may use it
    for node in nodes[:after]:
        inputs = node.all_input_nodes
        if node.op == "get_attr" or (inputs and all(each in weights for each in inputs)):
            weights.append(node)
    body = _graph(nodes[:after], step)
    head = _graph([*weights, *nodes[after:-1]], nodes[-1].args[0], enters=step)
    if body is None or head is None:
        return None
    return fx.GraphModule(network, body), fx.GraphModule(network, head)


def _graph(nodes: list[fx.Node], result: object, enters: fx.Node | None = None) -> fx.Graph | None:
    """Return these steps as a graph of their own; None where they take more than the one value that enters."""
    graph = fx.Graph()
    copies: dict[fx.Node, fx.Node] = {} if enters is None else {enters: graph.placeholder("features")}
    try:
        for node in nodes:
            copies[node] = graph.node_copy(node, lambda each: copies[each])
        graph.output(copies[result])  # type: ignore[index]
    except KeyError:
        return None
    return graph
