"""What the CAD applications share: cases, patches, the training loop, candidates and outcomes."""
