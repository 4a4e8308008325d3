"""Inventory: the catalogue and the stock that a pair of glasses is made from."""
