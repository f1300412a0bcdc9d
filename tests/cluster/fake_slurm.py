"""A tiny queue of executables that speak as Slurm's do: it misbehaves on demand, and runs jobs only in mode `run`."""

from __future__ import annotations

from pathlib import Path

_SBATCH = """#!/bin/sh
cd {folder}; mode=$(cat mode)
echo "$@" >>calls
case $mode in
  down) echo "sbatch: error: Unable to contact slurm controller (connect failure)" >&2; exit 1 ;;
  invalid) echo "sbatch: error: invalid partition specified: nosuch" >&2; exit 1 ;;
  limit) echo "sbatch: error: QOSMaxSubmitJobPerUserLimit" >&2; exit 1 ;;
  garbage) echo "hello"; exit 0 ;;
  slow) exec sleep 60 ;;
esac
number=$(($(cat number) + 1)); echo $number >number
cp "$1" "script.$number"
name=$(sed -n 's/^#SBATCH -J //p' "$1")
echo "$number|PENDING|Priority|$name" >"job.$number"
if [ $mode = run ]; then
  setsid bash "script.$number" >>"output.$number" 2>&1 </dev/null &
  echo $! >"pid.$number"
fi
[ $mode = mute ] || echo "Submitted batch job $number"
"""

_SQUEUE = """#!/bin/sh
cd {folder}; mode=$(cat mode)
echo "squeue" >>calls
case $mode in
  down) echo "slurm_load_jobs error: Unable to contact slurm controller (connect failure)" >&2; exit 1 ;;
  garbage) echo "hello"; exit 0 ;;
  slow) exec sleep 60 ;;
  blind) exit 0 ;;
esac
for pid in pid.*; do
  [ -f "$pid" ] || continue
  state=COMPLETED; grep -qs '^State:.[RSDT]' "/proc/$(cat $pid)/status" && state=RUNNING
  sed "s/|[A-Z]*|[A-Za-z]*|/|$state|None|/" "job.${{pid#pid.}}" >new && mv new "job.${{pid#pid.}}"
done
cat job.* 2>/dev/null
exit 0
"""

_SCANCEL = """#!/bin/sh
cd {folder}; mode=$(cat mode)
echo "scancel $@" >>calls
[ $mode = down ] && {{ echo "scancel: error: Unable to contact slurm controller" >&2; exit 1; }}
for id; do :; done
[ -f "job.$id" ] || {{ echo "scancel: error: Kill job error on job id $id: Invalid job id specified" >&2; exit 1; }}
[ $mode = stubborn ] && exit 0
if [ $mode = run ]; then
  if [ "$1" = --batch ]; then kill -TERM "$(cat "pid.$id")"; else kill -KILL "-$(cat "pid.$id")"; fi
  exit 0
fi
sed 's/|[A-Z]*|[A-Za-z]*|/|CANCELLED|None|/' "job.$id" >new && mv new "job.$id"
"""

_SACCT = """#!/bin/sh
echo "sacct: error: Slurm accounting storage is disabled" >&2
exit 1
"""


class FakeSlurm:
    """The folder of a fake Slurm; its commands are in `bin`."""

    def __init__(self, folder: Path) -> None:
        """Write the commands."""
        self.folder = folder
        self.bin = folder / "bin"
        self.bin.mkdir(parents=True)
        commands = {"sbatch": _SBATCH, "squeue": _SQUEUE, "scancel": _SCANCEL, "sacct": _SACCT}
        for name, script in commands.items():
            (self.bin / name).write_text(script.format(folder=folder))
            (self.bin / name).chmod(0o755)
        (folder / "number").write_text("100\n")
        (folder / "calls").touch()
        self.behave("ok")

    def behave(self, mode: str) -> None:
        """Answer from now on as in a mode of the scripts."""
        (self.folder / "mode").write_text(mode)

    def move(self, job_id: str, state: str) -> None:
        """Put a job into a state."""
        path = self.folder / f"job.{job_id}"
        _, _, _, name = path.read_text().split("|", 3)
        path.write_text(f"{job_id}|{state}|None|{name}")

    def forget(self, job_id: str) -> None:
        """Purge a job."""
        (self.folder / f"job.{job_id}").unlink()

    def script(self, job_id: str) -> str:
        """Give the script of a job as it was submitted."""
        return (self.folder / f"script.{job_id}").read_text()

    @property
    def calls(self) -> list[str]:
        """The commands that were run."""
        return (self.folder / "calls").read_text().splitlines()
