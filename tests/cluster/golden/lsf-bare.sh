#!/usr/bin/env bash

#BSUB -J aneurysm-mra-3-1-0123abcd
#BSUB -n 1
#BSUB -o /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#BSUB -rn
export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1
exec /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1
