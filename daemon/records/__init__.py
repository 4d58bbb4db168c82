"""Records by people: what they ask for, whether it may stand, the record that is made of it, and the answer.

The way of one request: `bodies` (its form) -> `service` (once, and in its turn) -> `validator` (against the book) -> the ledger
-> `replies`. `idempotency` knows what was recorded already, `endings` what ends by itself.
"""
