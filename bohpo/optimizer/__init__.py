"""From what has completed, failed and is running to what to train next."""
