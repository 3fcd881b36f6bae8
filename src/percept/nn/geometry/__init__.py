"""Where the values of a network come from: its steps, and the part of the picture that each of them sees."""
