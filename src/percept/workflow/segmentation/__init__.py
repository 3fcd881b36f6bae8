"""What a command does where every pixel has a class."""
