#!/usr/bin/env bash

batch_name = "aneurysm-mra-3-1-0123abcd"
RequestCpus = 1
Output = /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
Error = /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
Log = /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.condor
Stream_Output = True
Stream_Error = True
should_transfer_files = NO
kill_sig = SIGTERM
job_max_vacate_time = 40
periodic_remove = (JobStatus == 1 && NumJobStarts > 0)

Arguments = "-c 'export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1; exec /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1'"
Executable = /bin/sh

Queue
