#!/usr/bin/env bash

#PBS -N aneu-b71aa59a01
#PBS -l nodes=1:ppn=1
#PBS -o /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#PBS -j oe
#PBS -r n
#PBS -S /bin/bash
export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1
exec /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1
