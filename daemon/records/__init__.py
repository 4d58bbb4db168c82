"""Records by people: what they ask for, whether it may stand, the record that is made of it, and the answer.

The way of one request: `bodies` (its form) -> `desk` (once, and in its turn) -> `clerk` (against the book) -> the ledger
-> `replies`. `journal` knows what was recorded already, `endings` what ends by itself.
"""
