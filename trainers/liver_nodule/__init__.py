"""Detection of liver nodules in EOB-MRI of five phases; `train`, `evaluate` and `feasible` are what a study names."""
