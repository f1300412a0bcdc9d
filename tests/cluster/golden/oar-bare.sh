#!/usr/bin/env bash

#OAR -n aneurysm-mra-3-1-0123abcd
#OAR -l /nodes=1/core=1
#OAR -O /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#OAR -E /shared/campaigns/aneurysm-mra/trials/3/attempt-1/worker.log
#OAR --signal 15
export BOHPO_DIRECTORY=/shared/campaigns/aneurysm-mra/trials/3/attempt-1
exec /opt/cad/bin/python -P -m bohpo.campaign.worker /shared/campaigns/aneurysm-mra/trials/3/attempt-1
