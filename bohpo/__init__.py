"""Asynchronous parallel Bayesian hyperparameter search for medical-imaging networks on GPU clusters."""
