"""The command line: a command parses, calls one function of the house, and renders what came back."""
