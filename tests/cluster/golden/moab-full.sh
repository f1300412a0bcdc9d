#!/usr/bin/env bash

#PBS -N aneu-b71aa59a01
#PBS -q gpu
#PBS -l nodes=2:ppn=8:gpus=2,mem=45777mb
#PBS -l walltime=30:00:00
#PBS -A radiology
#PBS -o /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#PBS -j oe
#PBS -r n
#PBS -S /bin/bash
#PBS -m n
export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1
module load cuda/12.4
export PATH=$HOME/bin:$PATH
export BOHPO_WALL_SECONDS=$((108000 - ${SECONDS:-0}))
exec apptainer exec --nv '/images/cad net.sif' /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1
