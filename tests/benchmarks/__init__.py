"""The referee: samplers raced on tuning tasks, asynchronously, in virtual time and in one run.

python -m tests.benchmarks.race       which sampler finds better configurations in as many trainings
python -m tests.benchmarks.latency    what a proposal costs
python -m tests.benchmarks.reading    what reading and writing a large campaign costs
python -m tests.benchmarks.ablation   what each part of the recipe earns

python -m tests.benchmarks.training   how fast a detector is trained, beside MONAI's standard pipeline
python -m tests.benchmarks.scaling    how much faster several processes train it
"""
