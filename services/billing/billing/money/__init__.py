"""The money: prices, charges, payments, receipts and the one ledger."""
