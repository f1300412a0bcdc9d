"""Real faults on real schedulers and databases; each test ends with the checker of `history`, which reads what is left.

| command                                     | what                                                              |
| ------------------------------------------- | ----------------------------------------------------------------- |
| pytest tests/faults                         | the short ones, which CI runs                                     |
| pytest tests/faults -m long                 | those that take minutes: wall times, long outages, many kills     |
| make faults                                 | all, and the table of promises with what was measured             |
| make faults KNOWN=FILE                      | the same without the programs whose figures are in a file already |
| python -m tests.faults.table                | the table of the short ones                                       |
| python -m tests.faults.kills --kills 1000   | campaigns under that many kills; prints the seed                  |
| python -m tests.faults.acceptance slurm     | 24 trials, 6 jobs at a time: queue-to-start, busy fraction        |
| python -m tests.faults.restart              | how long 5,000 and 20,000 trials take to go on                    |
| python -m tests.faults.history DB CAMPAIGN  | the checker alone                                                 |
"""
