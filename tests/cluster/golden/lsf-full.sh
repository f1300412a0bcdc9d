#!/usr/bin/env bash

#BSUB -J aneurysm-mra-3-1-0123abcd
#BSUB -q gpu
#BSUB -P "radiology"
#BSUB -n 16
#BSUB -M 24000000
#BSUB -W 30:00
#BSUB -o /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#BSUB -rn
#BSUB -R "span[ptile=8]"
#BSUB -gpu "num=2"
#BSUB -wa TERM
#BSUB -wt 1
#BSUB -G cad
export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1
module load cuda/12.4
export PATH=$HOME/bin:$PATH
export BOHPO_WALL_SECONDS=$((108000 - ${SECONDS:-0}))
exec apptainer exec --nv '/images/cad net.sif' /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1
