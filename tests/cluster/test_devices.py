"""Which devices a host has, which of them a process may use, and which the next job gets."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bohpo.cluster.devices import Claim, Device, Vendor, choose_cpus, choose_devices, job_environment, look_for_devices
from bohpo.cluster.devices import probe as probes
from bohpo.cluster.devices.allocation import usage_of
from bohpo.cluster.devices.claims import lock_devices, read_claims
from bohpo.cluster.devices.probe import ProbeError, Sys, run_probe
from bohpo.cluster.devices.visibility import visible_to_cuda, visible_to_level_zero, visible_to_rocm
from bohpo.errors import QueueError
from bohpo.processes import format_cpus, parse_cpus
from tests.cluster.fake_gpus import (
    gpu,
    instances_of,
    living,
    make_nvidia_smi,
    make_program,
    make_rocm_smi,
    make_sys,
    path_with,
)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", path_with(tmp_path / "bin"))
    (tmp_path / "bin").mkdir()
    return tmp_path / "bin"


# -- discovery -----------------------------------------------------------------------------------------------------


def test_nvidias_gpus_are_listed_with_their_node_and_near_cpus(programs: Path, tmp_path: Path) -> None:
    uuids = make_nvidia_smi(programs, 2)
    make_sys(tmp_path / "sys", {"0000:3b:00.0": (0, "0-3"), "0000:3c:00.0": (1, "4-6,8")})
    first, second = look_for_devices({}, sys=Sys(tmp_path / "sys")).devices
    assert [first.uuid, second.uuid] == uuids
    assert [first.id, second.id] == ["0", "1"]
    assert (second.numa_node, second.near_cpus) == (1, frozenset({4, 5, 6, 8}))
    assert first.memory_bytes == 40960 * 2**20


def test_a_machine_of_one_node_says_minus_one_which_is_no_node(programs: Path, tmp_path: Path) -> None:
    make_nvidia_smi(programs, 1)
    make_sys(tmp_path / "sys", {"0000:3b:00.0": (-1, "0-7")})
    (only,) = look_for_devices({}, sys=Sys(tmp_path / "sys")).devices
    assert only.numa_node is None


def test_mig_instances_stand_in_for_the_gpu_that_is_split(programs: Path, tmp_path: Path) -> None:
    whole, parent = make_nvidia_smi(programs, 2, instances=3)
    devices = look_for_devices({}, sys=Sys(tmp_path)).devices
    assert devices[0].uuid == whole
    assert len(devices) == 4
    assert all(device.id == device.uuid and device.id.startswith("MIG-") for device in devices[1:])
    assert {device.parent for device in devices[1:]} == {parent}
    assert {device.memory_bytes for device in devices[1:]} == {5 * 2**30}


def test_a_gpu_in_mig_mode_without_an_instance_is_given_to_no_job(programs: Path, tmp_path: Path) -> None:
    whole, _ = make_nvidia_smi(programs, 2, in_mig_mode=True)
    found = look_for_devices({}, sys=Sys(tmp_path))
    assert [device.id for device in found.devices] == [whole]  # an index would count otherwise for CUDA
    assert "GPU 1 is in MIG mode without an instance" in found.problem


def test_an_nvidia_smi_from_before_mig_lists_its_gpus(programs: Path, tmp_path: Path) -> None:
    make_nvidia_smi(programs, 2)
    script = programs / "nvidia-smi"
    old = "*mig.mode*) echo 'Field \"mig.mode.current\" is not a valid field to query.'; exit 2;;"
    script.write_text(script.read_text().replace("in\n", f"in\n{old}\n", 1))
    assert [device.id for device in look_for_devices({}, sys=Sys(tmp_path)).devices] == ["0", "1"]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("exec sleep 600", "nvidia-smi did not answer within 0.2 s"),
        ("sleep 600 & sleep 600", "nvidia-smi did not answer within 0.2 s"),
        ("echo 'NVIDIA A100, 40960 MiB, 550.54'", "which is no list of GPUs"),
        ("echo '1, GPU-1, A100, 40960, '", "does not count from 0"),
        ("printf '\\377\\376\\000garbage\\n'", "which is no list of GPUs"),
        ("echo 'Failed to initialize NVML: Driver/library version mismatch'; exit 18", "library version mismatch"),
        ("exit 6", "nvidia-smi failed: exit status 6"),
    ],
)
def test_an_nvidia_smi_that_hangs_or_prints_nonsense_leaves_the_devices_unknown(
    programs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, told: str
) -> None:
    monkeypatch.setattr(probes.run_probe, "__kwdefaults__", {"seconds": 0.2 if "sleep" in body else 15.0})
    make_program(programs, "nvidia-smi", body)
    found = look_for_devices({}, sys=Sys(tmp_path))
    assert found.is_unknown
    assert found.devices == ()
    assert told in found.problem


def test_a_program_that_prints_without_end_is_cut_and_ended(programs: Path) -> None:
    make_program(programs, "endless", f"echo $$ > {programs}/pid; exec yes")
    with pytest.raises(ProbeError, match="did not answer"):
        run_probe("endless", seconds=0.3)
    assert not Path("/proc", (programs / "pid").read_text().strip()).exists()


def test_amds_gpus_are_listed_by_rocm_smi_where_the_kernel_lists_none(programs: Path, tmp_path: Path) -> None:
    uuids = make_rocm_smi(programs, 2)
    devices = look_for_devices({}, sys=Sys(tmp_path)).devices
    assert [(device.vendor, device.id, device.uuid) for device in devices] == [
        (Vendor.AMD, "0", uuids[0]),
        (Vendor.AMD, "1", uuids[1]),
    ]
    assert devices[0].memory_bytes == 64 * 2**30


def test_amds_gpus_are_listed_by_the_kernel_without_processors(programs: Path, tmp_path: Path) -> None:
    nodes = tmp_path / "class/kfd/kfd/topology/nodes"
    for node, properties in enumerate(
        (
            "cpu_cores_count 64\nsimd_count 0\n",
            "cpu_cores_count 16\nsimd_count 8\n",  # a processor with built-in graphics
            "cpu_cores_count 0\nsimd_count 440\nunique_id 4660\nlocation_id 49408\ndomain 0\n",
        )
    ):
        (nodes / str(node)).mkdir(parents=True)
        (nodes / str(node) / "properties").write_text(properties)
    (nodes / "2/name").write_text("aldebaran\n")
    (only,) = look_for_devices({}, sys=Sys(tmp_path)).devices
    assert (only.id, only.uuid, only.name) == ("0", "GPU-0000000000001234", "aldebaran")


def test_graphics_built_into_a_processor_are_no_gpu_for_a_training(programs: Path, tmp_path: Path) -> None:
    for node, address in (("renderD128", "0000:00:02.0"), ("renderD129", "0000:29:00.0")):
        folder = tmp_path / "class/drm" / node / "device"
        folder.mkdir(parents=True)
        (folder / "vendor").write_text("0x8086\n")
        (folder / "uevent").write_text(f"DRIVER=i915\nPCI_SLOT_NAME={address}\n")
    (only,) = look_for_devices({}, sys=Sys(tmp_path)).devices
    assert (only.vendor, only.id, only.uuid) == (Vendor.INTEL, "0", "0000:29:00.0")


def test_xpu_smi_that_prints_nonsense_leaves_the_devices_unknown(programs: Path, tmp_path: Path) -> None:
    make_program(programs, "xpu-smi", "echo '{\"device_list\": 3}'")
    assert "xpu-smi printed" in look_for_devices({}, sys=Sys(tmp_path)).problem


def test_discovery_loads_no_library_of_a_vendor() -> None:
    code = "import sys, bohpo.cluster.host, bohpo.cluster.device_cluster; print({'torch', 'dask'} & set(sys.modules))"
    assert subprocess.run((sys.executable, "-c", code), capture_output=True, text=True, check=True).stdout == "set()\n"


# -- what an outer variable leaves ---------------------------------------------------------------------------------

A, B, C = (Device(Vendor.NVIDIA, str(i), f"GPU-{i}a5f-0000-{i}", "NVIDIA A100") for i in range(3))
ABC = [(A,), (B,), (C,)]


@pytest.mark.parametrize(
    ("mask", "ids"),
    [
        (None, ["0", "1", "2"]),
        ("2,0", ["2", "0"]),
        ("", []),
        ("-1", []),
        ("1,-1,2", ["1"]),
        ("1,7,2", ["1"]),  # an entry that names no device ends the list
        ("1,x,2", ["1"]),
        (" 1 , 2 ", ["1", "2"]),
        ("1gpu,2", ["1", "2"]),  # CUDA heeds no letters after the digits
        (f"{B.uuid},{A.uuid}", [B.uuid, A.uuid]),
        ("GPU-1a5f", [B.uuid]),
        (f"{C.uuid},GPU-no-such,{A.uuid}", [C.uuid]),
        (f"{C.uuid},0", [C.uuid, "0"]),
        ("GPU-,1", []),  # a prefix of several
        ("1,1", []),  # twice: CUDA shows none
        (f"1,{B.uuid}", []),
        ("99999999999999999999", []),
    ],
)
def test_cudas_variable_is_heeded_as_cuda_does(mask: str | None, ids: list[str]) -> None:
    environment = {} if mask is None else {"CUDA_VISIBLE_DEVICES": mask}
    assert [device.id for device in visible_to_cuda(ABC, environment).devices] == ids


@pytest.mark.parametrize("mask", ["7", "1,1", "GPU-"])
def test_a_variable_that_leaves_nothing_by_mistake_is_named(mask: str) -> None:
    assert f"CUDA_VISIBLE_DEVICES={mask}" in visible_to_cuda(ABC, {"CUDA_VISIBLE_DEVICES": mask}).problem


@pytest.mark.parametrize("mask", ["1,7,2", "0,x"])
def test_a_variable_that_ends_early_by_mistake_is_named(mask: str) -> None:
    assert f"CUDA_VISIBLE_DEVICES={mask} counts up to" in visible_to_cuda(ABC, {"CUDA_VISIBLE_DEVICES": mask}).problem


@pytest.mark.parametrize("mask", ["1,-1,2", "1,", "0,2"])
def test_a_variable_that_ends_on_purpose_is_no_mistake(mask: str) -> None:
    assert visible_to_cuda(ABC, {"CUDA_VISIBLE_DEVICES": mask}).problem == ""


def test_a_variable_that_hides_all_is_no_mistake() -> None:
    assert visible_to_cuda(ABC, {"CUDA_VISIBLE_DEVICES": ""}).problem == ""


def test_mig_instances_are_named_by_their_uuids_and_a_split_gpu_stands_for_its_first() -> None:
    first, second = instances_of(B, 2)
    split = [(A,), (first, second)]

    def left(mask: str) -> list[str]:
        return [device.id for device in visible_to_cuda(split, {"CUDA_VISIBLE_DEVICES": mask}).devices]

    assert left(f"{second.id},{first.id}") == [second.id, first.id]
    assert left("1") == [first.id]
    assert left(B.uuid) == [first.id]
    assert left(second.id[:12]) == [second.id]


def test_indices_on_a_host_of_several_kinds_are_told_to_be_unsure() -> None:
    other = Device(Vendor.NVIDIA, "1", "GPU-quick", "NVIDIA H100")
    mask = {"CUDA_VISIBLE_DEVICES": "1"}
    assert "CUDA_DEVICE_ORDER=PCI_BUS_ID" in visible_to_cuda([(A,), (other,)], mask).problem
    assert visible_to_cuda([(A,), (other,)], {**mask, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}).problem == ""
    assert visible_to_cuda([(A,), (other,)], {"CUDA_VISIBLE_DEVICES": "GPU-quick"}).problem == ""


def test_hip_counts_among_what_rocr_leaves() -> None:
    devices = [Device(Vendor.AMD, str(i), f"GPU-{i:016x}", "MI250X") for i in range(4)]

    def left(**environment: str) -> list[str]:
        return [device.id for device in visible_to_rocm(devices, environment).devices]

    assert left(ROCR_VISIBLE_DEVICES="3,1", HIP_VISIBLE_DEVICES="1") == ["1"]
    assert left(HIP_VISIBLE_DEVICES="2") == ["2"]
    assert left(CUDA_VISIBLE_DEVICES="2") == ["2"]
    assert left(HIP_VISIBLE_DEVICES="0", CUDA_VISIBLE_DEVICES="2") == ["0"]
    assert left(ROCR_VISIBLE_DEVICES=f"GPU-{2:016x}") == [f"GPU-{2:016x}"]
    assert left(ROCR_VISIBLE_DEVICES="0,9,1") == ["0"]
    assert left(ROCR_VISIBLE_DEVICES="3,2,9", HIP_VISIBLE_DEVICES="1") == ["2"]


def test_level_zeros_mask_names_cards_and_tiles() -> None:
    devices = [Device(Vendor.INTEL, str(i), f"uuid-{i}", "Max 1550") for i in range(2)]

    def left(mask: str) -> list[str]:
        return [device.uuid for device in visible_to_level_zero(devices, {"ZE_AFFINITY_MASK": mask}).devices]

    assert left("1") == ["uuid-1"]
    assert left("0.1,1.0") == ["uuid-0.1", "uuid-1.0"]
    assert left("") == ["uuid-0", "uuid-1"]


@pytest.mark.parametrize(
    ("environment", "given"),
    [
        ({}, {"0": "a.0", "1": "a.1", "2": "b"}),
        ({"ZE_FLAT_DEVICE_HIERARCHY": "FLAT"}, {"0": "a.0", "1": "a.1", "2": "b"}),
        ({"ZE_FLAT_DEVICE_HIERARCHY": "COMBINED", "ZE_AFFINITY_MASK": "2,1"}, {"2": "b", "1": "a.1"}),
        ({"ZE_FLAT_DEVICE_HIERARCHY": "COMPOSITE"}, {"0": "a", "1": "b"}),
        ({"ZE_FLAT_DEVICE_HIERARCHY": "COMPOSITE", "ZE_AFFINITY_MASK": "0.1"}, {"0.1": "a.1"}),
    ],
)
def test_level_zero_counts_tiles_unless_it_is_told_to_count_cards(
    environment: dict[str, str], given: dict[str, str]
) -> None:
    cards = [Device(Vendor.INTEL, str(i), uuid, "Max 1550") for i, uuid in enumerate("ab")]
    found = visible_to_level_zero(cards, environment, tiles={"a": 2})
    assert {device.id: device.uuid for device in found.devices} == given


@pytest.mark.parametrize("tiles", [("tile0", "tile1"), ("drm/card1/gt/gt0", "drm/card1/gt/gt1")])
def test_tiles_of_a_card_are_those_of_its_kernel_driver(programs: Path, tmp_path: Path, tiles: tuple[str, ...]) -> None:
    cards = [{"device_id": 0, "uuid": "a", "device_name": "Max 1550", "pci_bdf_address": "0000:29:00.0"}]
    make_program(programs, "xpu-smi", f"echo '{json.dumps({'device_list': cards})}'")
    for tile in tiles:
        (tmp_path / "bus/pci/devices/0000:29:00.0" / tile).mkdir(parents=True)
    assert [device.uuid for device in look_for_devices({}, sys=Sys(tmp_path)).devices] == ["a.0", "a.1"]
    composite = {"ZE_FLAT_DEVICE_HIERARCHY": "COMPOSITE"}
    assert [device.uuid for device in look_for_devices(composite, sys=Sys(tmp_path)).devices] == ["a"]


# -- what a job gets -----------------------------------------------------------------------------------------------


def test_a_job_sees_its_own_devices_by_ids_that_mean_the_same_there() -> None:
    found = job_environment([B, C])
    assert found["CUDA_VISIBLE_DEVICES"] == "1,2"
    assert found["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    amd = job_environment([Device(Vendor.AMD, "3", "GPU-3", "MI250X"), Device(Vendor.AMD, "1", "GPU-1", "MI250X")])
    assert (amd["ROCR_VISIBLE_DEVICES"], amd["HIP_VISIBLE_DEVICES"]) == ("3,1", "0,1")
    assert job_environment([Device(Vendor.INTEL, "0.1", "u.1", "Max")])["ZE_AFFINITY_MASK"] == "0.1"


def owning(*devices: Device, share: float = 1.0) -> Claim:
    return Claim("a-job", "/somewhere", tuple(device.uuid for device in devices), share)


def test_a_share_goes_to_the_fullest_device_with_room_so_that_whole_ones_stay_free() -> None:
    usage = usage_of([A, B, C], [owning(B, share=0.5)])
    assert choose_devices([A, B, C], usage, 0.5) == (B,)
    assert choose_devices([A, B, C], usage, 0.7) == (A,)
    assert choose_devices([A, B, C], usage, 2) == (A, C)
    assert choose_devices([A, B, C], usage, 3) is None


def test_several_devices_of_a_job_come_from_one_node() -> None:
    devices = [gpu(0, node=0), gpu(1, node=1), gpu(2, node=0), gpu(3, node=1), gpu(4, node=1)]
    free = usage_of(devices, [])
    assert choose_devices(devices, free, 2) == (devices[0], devices[2])
    assert choose_devices(devices, free, 3) == (devices[1], devices[3], devices[4])
    assert choose_devices(devices, usage_of(devices, [owning(devices[0])]), 4) == tuple(devices[1:])


def test_a_job_of_two_gpus_gets_no_mig_instances_since_a_process_sees_one_of_them() -> None:
    devices = [A, *instances_of(B, 2), C]
    assert choose_devices(devices, usage_of(devices, []), 2) == (A, C)
    assert choose_devices(devices, usage_of(devices, [owning(C)]), 2) is None
    assert choose_devices(devices[1:3], usage_of(devices[1:3], []), 1) == (devices[1],)


def test_a_tile_and_its_card_are_not_owned_by_two() -> None:
    card, tile = Device(Vendor.INTEL, "0", "u", "Max"), Device(Vendor.INTEL, "0.1", "u.1", "Max")
    assert usage_of([card], [owning(tile)]) == {"u": 1.0}
    assert usage_of([tile], [owning(card)]) == {"u.1": 1.0}


@given(
    st.lists(st.sampled_from([0.1, 0.25, 1 / 3, 0.5, 0.7, 1, 2, 3]), max_size=20),
    st.lists(st.sampled_from([None, 0, 1]), min_size=1, max_size=5),
)
def test_no_device_is_ever_given_away_beyond_itself(wanted: list[float], nodes: list[int | None]) -> None:
    devices = [gpu(i, node=node) for i, node in enumerate(nodes)]
    claims: list[Claim] = []
    for gpus in wanted:
        chosen = choose_devices(devices, usage_of(devices, claims), gpus)
        if chosen is not None:
            assert len(set(chosen)) == max(1, int(gpus))
            claims.append(owning(*chosen, share=min(gpus, 1)))
    assert all(used <= 1 + 1e-6 for used in usage_of(devices, claims).values())


@pytest.mark.parametrize(("gpus", "jobs"), [(0.1, 10), (0.25, 4), (1 / 3, 3), (0.3, 3), (0.5, 2), (0.7, 1)])
def test_as_many_jobs_share_a_gpu_as_their_shares_say(gpus: float, jobs: int) -> None:
    claims: list[Claim] = []
    while choose_devices([A], usage_of([A], claims), gpus) is not None:
        claims.append(owning(A, share=gpus))
    assert len(claims) == jobs


def test_cpus_near_the_device_come_first_and_none_is_given_twice() -> None:
    available, near = frozenset(range(8)), frozenset({4, 5, 6, 7})
    assert choose_cpus(3, available=available, taken=frozenset({4}), near=near) == frozenset({5, 6, 7})
    assert choose_cpus(6, available=available, taken=frozenset(), near=near) == frozenset({0, 1, 4, 5, 6, 7})
    assert choose_cpus(6, available=available, taken=frozenset({0, 1, 2}), near=near) is None


@given(st.frozensets(st.integers(0, 300)))
def test_a_list_of_cpus_reads_back_as_the_same(cpus: frozenset[int]) -> None:
    assert parse_cpus(format_cpus(cpus)) == cpus


@pytest.mark.parametrize("text", ["a", "1-", "3-1", "-1", "0-99999999999", "1-2-3"])
def test_what_is_no_list_of_cpus_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"range of CPUs|invalid literal"):
        parse_cpus(text)


# -- what jobs own -------------------------------------------------------------------------------------------------


def test_a_job_owns_its_devices_until_its_last_process_is_gone() -> None:
    own = gpu(0)
    told = {"BOHPO_JOB": f"c-{own.uuid}", "BOHPO_DIRECTORY": "/x", **job_environment([own], share=0.5)}
    with living(**told):
        (claim,) = [known for known in read_claims() if own.uuid in known.devices]
        assert (claim.job, claim.share) == (f"c-{own.uuid}", 0.5)
    assert not [known for known in read_claims() if own.uuid in known.devices]


@pytest.mark.parametrize("share", ["nan", "-3", "many", ""])
def test_a_share_that_makes_no_sense_counts_as_the_whole_device(share: str) -> None:
    own = gpu(0)
    with living(BOHPO_DEVICES=f"0={own.uuid}", BOHPO_DEVICE_SHARE=share, BOHPO_CPUS="7-x"):
        (claim,) = [known for known in read_claims() if own.uuid in known.devices]
        assert (claim.share, claim.cpus) == (1.0, frozenset())


def test_one_driver_at_a_time_holds_the_lock(tmp_path: Path) -> None:
    with lock_devices(tmp_path) as first, lock_devices(tmp_path) as second:
        assert (first, second) == (True, False)
    with lock_devices(tmp_path) as again:
        assert again


def test_a_lock_that_somebody_else_prepared_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(QueueError, match="is not this user's folder"), lock_devices(tmp_path / "link"):
        pass


def test_a_process_that_begins_another_program_has_not_lost_its_devices() -> None:
    """Between two programs the kernel shows an empty environment; a look at that moment must not free the GPU."""
    own = gpu(0)
    again = 'i=$((${i:-0} + 1)); export i; [ $i -lt 300 ] && exec sh -c "$loop"; exec sleep 600'
    with living("sh", "-c", again, loop=again, **job_environment([own])):
        for _ in range(100):
            assert any(own.uuid in claim.devices for claim in read_claims())
