"""What crosses between processes: anything that can be pickled, with tensors as they lie in memory.

torch's own way takes several times as long for the many small tensors of a snapshot.
"""

import io
import pickle
from typing import Any

import torch
from torch import Tensor


class _Pickler(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        return _parts(value) if type(value) is Tensor else NotImplemented


def packed(value: Any) -> bytes:
    """Bytes for `unpacked`; tensors must be on the host."""
    packing = io.BytesIO()
    _Pickler(packing, protocol=5).dump(value)
    return packing.getvalue()


def unpacked(message: bytes) -> Any:
    """What was packed. Only for messages of LRScope's own processes."""
    return pickle.loads(message)


def _parts(tensor: Tensor) -> tuple[Any, ...]:
    dense = tensor.clone()  # of a part of a larger one this is the part alone
    stored = torch.empty(0, dtype=torch.uint8).set_(dense.untyped_storage())
    content = bytearray(stored.numpy())
    return _tensor, (content, dense.dtype, tuple(dense.shape), dense.stride())


def _tensor(
    content: bytearray, dtype: torch.dtype, shape: tuple[int, ...], stride: tuple[int, ...]
) -> Tensor:
    if not content:
        return torch.empty(shape, dtype=dtype)
    return torch.frombuffer(content, dtype=dtype).as_strided(shape, stride)
