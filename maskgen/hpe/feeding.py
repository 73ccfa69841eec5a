"""From memory maps to the device: whole in its memory, or a few batches ahead by a thread."""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from .data import SampleSet

#: batches read ahead of the device
AHEAD = 4


class Feeder:
    """Rows of a sample set as uint8 tensors on the device, in the order asked for.

    resident: "always" copies all rows to the device once (epochs then cost no transfer at all); "never" reads
    them batch by batch; "auto" copies if they take less than a third of the free memory.
    """

    def __init__(
        self,
        samples: SampleSet,
        device: torch.device,
        resident: Literal["auto", "always", "never"] = "auto",
    ) -> None:
        self.samples, self.device = samples, device
        self.rows: Tensor | None = None
        if resident == "always" or (resident == "auto" and self._bytes() * 3 < free_memory(device)):
            self.rows = self._resident()

    def _bytes(self) -> int:
        shape = self.samples.caches[0].images.shape[1:]
        return int(np.prod(shape)) * len(self.samples)

    def _resident(self) -> Tensor:
        shape = self.samples.caches[0].images.shape[1:]
        rows = torch.empty((len(self.samples), *shape), dtype=torch.uint8, device=self.device)
        for start in range(0, len(self.samples), 4096):
            part = np.arange(start, min(start + 4096, len(self.samples)))
            rows[start : start + len(part)] = torch.from_numpy(self.samples.pixels(part)).to(self.device)
        return rows

    def batches(self, indices: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, Tensor]]:
        """(samples, rows (b, px, px, 3) uint8 on the device) for each array of sample numbers."""
        if self.rows is not None:
            for batch in indices:
                yield batch, self.rows[torch.as_tensor(batch, device=self.device)]
            return
        if self.device.type == "cpu":
            for batch in indices:
                yield batch, torch.from_numpy(self.samples.pixels(batch))
            return
        yield from self._ahead(indices)

    def _ahead(self, indices: Iterable[np.ndarray]) -> Iterator[tuple[np.ndarray, Tensor]]:
        """Pinned batches by a reader thread; the copy to the device overlaps with its work."""
        ready: queue.Queue[Any] = queue.Queue(AHEAD)
        stop = threading.Event()

        def read() -> None:
            try:
                for batch in indices:
                    rows = torch.from_numpy(self.samples.pixels(batch)).pin_memory()
                    while not stop.is_set():
                        try:
                            ready.put((batch, rows), timeout=0.1)
                            break
                        except queue.Full:
                            continue
                    if stop.is_set():
                        return
                ready.put(None)
            except BaseException as error:
                ready.put(error)

        thread = threading.Thread(target=read, daemon=True, name="crop reader")
        thread.start()
        try:
            while (item := ready.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item[0], item[1].to(self.device, non_blocking=True)
        finally:
            stop.set()
            thread.join()


def free_memory(device: torch.device) -> int:
    """Free bytes on the device; for the CPU, of the machine (0 where the system does not say)."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError, AttributeError):
        return 0
