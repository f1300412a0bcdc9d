"""Where the bohpo_* tables and Optuna's live: what happened, durably."""
