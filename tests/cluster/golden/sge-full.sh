#!/usr/bin/env bash

#$ -N aneurysm-mra-3-1-0123abcd
#$ -q gpu.q
#$ -P radiology
#$ -l h_rt=30:00:00
#$ -cwd
#$ -j y
#$ -S /bin/bash
#$ -o /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#$ -r n
#$ -notify
#$ -l s_rt=107940
#$ -pe shm 8
#$ -l mem_free=22889M
#$ -l gpu=2
#$ -hard -l gpu_model=a100
export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1
module load cuda/12.4
export PATH=$HOME/bin:$PATH
export BOHPO_WALL_SECONDS=$((108000 - ${SECONDS:-0}))
trap 'kill -TERM "$worker"' USR1 USR2 TERM
(trap '' USR1 USR2; trap - TERM; exec apptainer exec --nv '/images/cad net.sif' /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1) &
worker=$!
while :; do
  wait "$worker"
  status=$?
  kill -0 "$worker" 2>/dev/null || exit "$status"
done
