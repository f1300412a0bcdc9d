"""The files that describe a Grid Engine on one host."""

from __future__ import annotations

from pathlib import Path

QUEUE = "main"
PARALLEL_ENVIRONMENT = "smp"

_CONFIGURATION = Path("/usr/share/gridengine/default-configuration")
_GROUPS = 200
"""Group ids of an instance; Grid Engine knows the processes of a job by one of them."""


def bootstrap(folder: Path) -> str:
    """Write what the master reads first: it spools to text files, as whoever starts it."""
    settings = {
        "admin_user": "none",
        "default_domain": "none",
        "ignore_fqdn": "false",
        "spooling_method": "classic",
        "spooling_lib": "libspoolc",
        "spooling_params": f"{folder}/root/default/common;{folder}/master",
        "binary_path": "/usr/sbin",
        "qmaster_spool_dir": f"{folder}/master",
        "security_mode": "none",
        "listener_threads": "2",
        "worker_threads": "2",
        "scheduler_threads": "1",
    }
    return as_lines(settings)


def configuration(folder: Path, first_group: int) -> str:
    """Write the configuration of all hosts: Debian's, but root may run jobs, and reports come soon."""
    settings = read_lines(_CONFIGURATION.read_text())
    changes = {
        "execd_spool_dir": f"{folder}/host",
        "mailer": "/bin/true",
        "administrator_mail": "none",
        "shell_start_mode": "unix_behavior",
        "min_uid": "0",
        "min_gid": "0",
        "load_report_time": "00:00:02",
        "reporting_params": "accounting=true reporting=false flush_time=00:00:01 joblog=false sharelog=00:00:00",
        "gid_range": f"{first_group}-{first_group + _GROUPS - 1}",
    }
    return as_lines({**settings, **changes})


def scheduler(shown: str) -> str:
    """Change the scheduler's settings such that jobs start at once."""
    changes = {"schedule_interval": "0:0:1", "flush_submit_sec": "1", "flush_finish_sec": "1"}
    return as_lines({**read_lines(shown), **changes})


def host(slots: int, gpus: int) -> str:
    """Describe the one host that runs jobs."""
    nothing = ("load_scaling", "user_lists", "xuser_lists", "projects", "xprojects", "usage_scaling")
    return as_lines(
        {
            "hostname": "localhost",
            "complex_values": f"slots={slots},gpu={gpus}",
            **dict.fromkeys((*nothing, "report_variables"), "NONE"),
        }
    )


def queue(shown: str, slots: int) -> str:
    """Turn the template of a queue into the one queue that there is."""
    changes = {
        "qname": QUEUE,
        "hostlist": "localhost",
        "slots": str(slots),
        "pe_list": PARALLEL_ENVIRONMENT,
        "load_thresholds": "NONE",
        "shell": "/bin/bash",
        "shell_start_mode": "unix_behavior",
        "notify": "00:00:10",
    }
    return as_lines({**read_lines(shown), **changes})


def parallel_environment(slots: int) -> str:
    """Describe the parallel environment by which a job asks for several CPUs of one host."""
    return as_lines(
        {
            "pe_name": PARALLEL_ENVIRONMENT,
            "slots": str(slots),
            "user_lists": "NONE",
            "xuser_lists": "NONE",
            "start_proc_args": "NONE",
            "stop_proc_args": "NONE",
            "allocation_rule": "$pe_slots",
            "control_slaves": "FALSE",
            "job_is_first_task": "TRUE",
            "urgency_slots": "min",
            "accounting_summary": "FALSE",
            "qsort_args": "NONE",
        }
    )


def read_lines(text: str) -> dict[str, str]:
    """Read `name value` lines; a line that ends in a backslash goes on in the next."""
    lines = [line for line in text.replace("\\\n", " ").splitlines() if line.strip() and not line.startswith("#")]
    return {name: " ".join(values) for name, *values in (line.split() for line in lines)}


def as_lines(settings: dict[str, str]) -> str:
    """Write `name value` lines."""
    return "".join(f"{name} {value}\n" for name, value in settings.items())
