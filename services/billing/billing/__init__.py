"""The promise to the customer and the money for it: quotation, approval, order, payment, ledger."""
