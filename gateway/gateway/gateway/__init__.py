"""The door of the chain: turns HTTP into the contract's calls and composes what several services
know. It holds no rule of the trade and no data."""
