#!/usr/bin/env bash

#$ -N aneurysm-mra-3-1-0123abcd
#$ -cwd
#$ -j y
#$ -S /bin/bash
#$ -o /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#$ -r n
#$ -notify
export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1
trap 'kill -TERM "$worker"' USR1 USR2 TERM
(trap '' USR1 USR2; trap - TERM; exec /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1) &
worker=$!
while :; do
  wait "$worker"
  status=$?
  kill -0 "$worker" 2>/dev/null || exit "$status"
done
