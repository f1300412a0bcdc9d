"""The asynchronous loop: propose, submit, record."""
