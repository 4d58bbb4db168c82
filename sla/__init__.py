"""The contract's arithmetic: what the evidence says, and what follows from it. Pure: same input, same output."""
