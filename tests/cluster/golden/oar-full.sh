#!/usr/bin/env bash

#OAR -n aneurysm-mra-3-1-0123abcd
#OAR -q production
#OAR --project radiology
#OAR -l /nodes=1/gpu=2,walltime=30:00:00
#OAR -O /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#OAR -E /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#OAR --signal 15
#OAR --checkpoint 60
#OAR -p memnode>=24000
export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1
module load cuda/12.4
export PATH=$HOME/bin:$PATH
export BOHPO_WALL_SECONDS=$((108000 - ${SECONDS:-0}))
exec apptainer exec --nv '/images/cad net.sif' /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1
