"""Machine types for serving with built-in accelerators, and the accelerators' quotas."""

import msgspec

L4 = "NVIDIA_L4"


class Accelerator(msgspec.Struct, frozen=True):
    """An accelerator: its machine types and its serving quota's name.

    `metric` and `quota` are parts of names; both are empty if the quota's name is unknown.
    """

    type: str
    machines: dict[str, int]
    metric: str = ""
    quota: str = ""


ACCELERATORS = (
    Accelerator(
        L4,
        {
            **dict.fromkeys((f"g2-standard-{n}" for n in (4, 8, 12, 16, 32)), 1),
            "g2-standard-24": 2,
            "g2-standard-48": 4,
            "g2-standard-96": 8,
        },
        "l4",
        "L4",
    ),
    Accelerator(
        "NVIDIA_TESLA_A100",
        {**{f"a2-highgpu-{n}g": n for n in (1, 2, 4, 8)}, "a2-megagpu-16g": 16},
        "a100",
        "A100",
    ),
    Accelerator("NVIDIA_A100_80GB", {f"a2-ultragpu-{n}g": n for n in (1, 2, 4, 8)}, "a100_80gb", "A10080GB"),
    Accelerator("NVIDIA_H100_80GB", {f"a3-highgpu-{n}g": n for n in (1, 2, 4, 8)}, "h100", "H100"),
    Accelerator("NVIDIA_H100_MEGA_80GB", {"a3-megagpu-8g": 8}),
    Accelerator("NVIDIA_H200_141GB", {"a3-ultragpu-8g": 8}),
    Accelerator("NVIDIA_B200", {"a4-highgpu-8g": 8}),
    Accelerator(
        "NVIDIA_RTX_PRO_6000",
        {"g4-standard-48": 1, "g4-standard-96": 2, "g4-standard-192": 4, "g4-standard-384": 8},
        "rtx_pro_6000",
        "RTXPRO6000",
    ),
)
BY_TYPE = {accelerator.type: accelerator for accelerator in ACCELERATORS}
BUILT_IN = {
    machine: (accelerator.type, count)
    for accelerator in ACCELERATORS
    for machine, count in accelerator.machines.items()
}
"""Machine type → the accelerators that are built into it."""
REGIONS = (
    "asia-east1", "asia-northeast1", "asia-northeast3", "asia-south1", "asia-southeast1", "asia-southeast2",
    "australia-southeast1", "europe-west1", "europe-west2", "europe-west3", "europe-west4", "me-west1",
    "northamerica-northeast1", "southamerica-east1", "us-central1", "us-east1", "us-east4", "us-east5",
    "us-south1", "us-west1", "us-west4",
)  # fmt: skip
"""Regions that have quotas for accelerators; not all of them have all machines."""
FAMILIES = ("a2-", "a3-", "a4-", "g2-", "g4-")
"""Name prefixes of machine types with built-in accelerators."""
