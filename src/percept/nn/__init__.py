"""What a layer is: activations, initializers, losses, blocks."""
