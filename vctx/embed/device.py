"""Where the encoder runs, in which precision, and how its numbers get there."""

import torch
from torch import Tensor

from vctx.embed.folder import Dtype
from vctx.embed.linear import has
from vctx.errors import InputError


def pick(name: str | None) -> torch.device:
    """The device of that name; of None a CUDA device where torch reaches one, else the CPU.

    Raises InputError where the name is neither "cpu" nor a CUDA device of this machine.
    """
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if name is None:
        return torch.device("cuda" if count else "cpu")
    known = ["cpu", *(["cuda"] if count else []), *(f"cuda:{number}" for number in range(count))]
    if name not in known:
        raise InputError(f"device {name!r} is not here: this torch reaches {', '.join(known)}")
    return torch.device(name)


def precision(name: Dtype | None, device: torch.device) -> torch.dtype:
    """The dtype of that name; of None bfloat16 where the device multiplies it in hardware, else float32."""
    if name is None:
        return torch.bfloat16 if _multiplies_bfloat16(device) else torch.float32
    return torch.bfloat16 if name == "bfloat16" else torch.float32


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        # Compute capability 8.0, Ampere: the first with bfloat16 tensor cores.
        return torch.cuda.get_device_capability(device) >= (8, 0)
    # Without AMX or AVX-512's bfloat16 a CPU is faster in float32.
    return has("amx_bf16") or has("avx512_bf16")


def upload(tensor: Tensor, device: torch.device) -> Tensor:
    """A copy on the device that the CPU does not wait for; on the CPU the tensor itself."""
    return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor
