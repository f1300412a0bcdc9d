#!/usr/bin/env bash

batch_name = "aneurysm-mra-3-1-0123abcd"
RequestCpus = 8
RequestMemory = 22889
Output = /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
Error = /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
Log = /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.condor
Stream_Output = True
Stream_Error = True
should_transfer_files = NO
kill_sig = SIGTERM
job_max_vacate_time = 40
periodic_remove = (JobStatus == 1 && NumJobStarts > 0) || (JobStatus == 2 && time() - JobCurrentStartDate > 108000)
RequestGPUs = 2
accounting_group = radiology
Requirements = (CUDACapability >= 8.0)

Arguments = "-c 'export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1; module load cuda/12.4; export PATH=$(DOLLAR)HOME/bin:$(DOLLAR)PATH; export BOHPO_WALL_SECONDS=$(DOLLAR)((108000 - $(DOLLAR){SECONDS:-0})); exec apptainer exec --nv ''/images/cad net.sif'' /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1'"
Executable = /bin/sh

Queue
