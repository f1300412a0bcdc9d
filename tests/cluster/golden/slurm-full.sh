#!/usr/bin/env bash

#SBATCH -J aneurysm-mra-3-1-0123abcd
#SBATCH -p gpu
#SBATCH -A radiology
#SBATCH --cpus-per-task=8
#SBATCH -t 30:00:00
#SBATCH -o /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#SBATCH -e /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#SBATCH --open-mode=append
#SBATCH --no-requeue
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --mem=22889M
#SBATCH --gres=gpu:2
#SBATCH --signal=B:TERM@60
#SBATCH --constraint=a100
export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1
module load cuda/12.4
export PATH=$HOME/bin:$PATH
export BOHPO_WALL_SECONDS=$((108000 - ${SECONDS:-0}))
exec apptainer exec --nv '/images/cad net.sif' /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1
