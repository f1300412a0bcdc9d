#!/usr/bin/env bash

#SBATCH -J aneurysm-mra-3-1-0123abcd
#SBATCH --cpus-per-task=1
#SBATCH -o /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#SBATCH -e /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#SBATCH --open-mode=append
#SBATCH --no-requeue
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1
exec /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1
