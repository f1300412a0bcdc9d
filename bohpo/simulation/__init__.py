"""A campaign in virtual time: the same loop over a clock, a queue, trainings and a store that are not real."""
