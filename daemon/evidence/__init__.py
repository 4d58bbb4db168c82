"""Evidence out and in: exports and their proof, files of evidence, a contract in a file."""
