"""The training loop: one code path for CPU, CUDA and several processes, stoppable and repeatable to the bit.

Nothing random is carried from step to step: order, augmentation and dropout of a step come from the seed and
the step's number. So a checkpoint needs no generator states, and a run that was stopped anywhere goes on as
if it had not been.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import MaskgenError, UsageError
from . import metrics
from .augment import Augmenter, RowLabels, normalise
from .batching import Step, epoch_steps
from .config import Config, TrainSection, with_overrides
from .contract import HeadPoseModel, References, Stage, Targets
from .crops import get_policy
from .data import SampleSet, seed_of
from .distributed import Process
from .feeding import Feeder
from .optim import (
    LossModule,
    Progress,
    Tally,
    average,
    deterministic,
    duration,
    fresh_statistics,
    make_optimiser,
    use_amp,
)
from .predict import TorchPredictor, predict
from .schedule import learning_rate

Report = Callable[[str], None]
#: called with the trainer after every epoch and before an early stop
Save = Callable[["Trainer", bool], None]


class TrainingFailed(MaskgenError):
    """The loss is no longer a number: the run stops and keeps its last good checkpoint."""


class Stopped(MaskgenError):
    """Someone asked the run to stop; its state is saved. signal: which one it was, 2 for Ctrl-C."""

    signal = 2


class Trainer:
    """Trains ``model`` on ``train``; ``val`` (may be None) only watches and never teaches.

    report: gets lines for people. save(trainer, best): writes a checkpoint. stop(): asked after every step.
    """

    def __init__(
        self,
        config: Config,
        model: HeadPoseModel,
        train: SampleSet,
        val: SampleSet | None,
        device: torch.device,
        *,
        process: Process | None = None,
        report: Report = lambda line: None,
        save: Save = lambda trainer, best: None,
        stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self.config, self.train_set, self.val_set, self.device = config, train, val, device
        self.process = process or Process()
        self.report, self.save, self.stop = report, save, stop
        layout = torch.channels_last if config.train.channels_last else torch.contiguous_format
        self.model: HeadPoseModel = model.to(device, memory_format=layout)  # type: ignore[call-overload]
        self.amp = use_amp(config.train, device)
        self.ema = copy.deepcopy(self.model).eval() if config.train.ema else None
        self.progress, self.tally = Progress(), Tally()
        self.history: list[dict[str, Any]] = []
        self.best: float | None = None
        self.optimiser: torch.optim.Optimizer | None = None
        self._optimiser_state: dict[str, Any] | None = None
        spec = self.model.input_spec
        policy = get_policy(train.caches[0].spec.policy)
        self.augment = Augmenter(policy, spec, config.augment)
        self.labels = RowLabels.of(train, device)
        self.ids = train.column("id")
        self.meta = train.mask_meta()
        self.feeder = Feeder(train, device, config.data.resident)

    # ---- state -------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything a later process needs to go on, as tensors and plain values."""
        return {
            "model": {
                "name": self.model.name,
                "options": dict(self.model.options),
                "state": self.model.state_dict(),
            },
            "ema": None if self.ema is None else self.ema.state_dict(),
            "optimiser": None if self.optimiser is None else self.optimiser.state_dict(),
            "progress": vars(self.progress).copy(),
            "processes": self.process.world,
            "tally": {
                "sums": {k: float(v) for k, v in self.tally.sums.items()},
                "images": self.tally.images,
                "seconds": self.tally.seconds,
            },
            "history": self.history,
            "best": self.best,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state`.

        Raises UsageError if it is of another network, or inside an epoch of more or fewer processes.
        """
        if state["model"]["name"] != self.model.name or state["model"]["options"] != dict(self.model.options):
            raise UsageError(
                f"the checkpoint holds {state['model']['name']} {state['model']['options']}, "
                f"the configuration asks for {self.model.name} {dict(self.model.options)}"
            )
        before = state.get("processes", 1)
        if state["progress"]["step"] and before != self.process.world:
            raise UsageError(
                f"the run was stopped inside an epoch that {before} process(es) shared "
                f"and {self.process.world} would share otherwise; go on with as many as before"
            )
        self.model.load_state_dict(state["model"]["state"])
        if self.ema is not None and state["ema"] is not None:
            self.ema.load_state_dict(state["ema"])
        self.progress = Progress(**state["progress"])
        self.tally = Tally(dict(state["tally"]["sums"]), state["tally"]["images"], state["tally"]["seconds"])
        self.history, self.best = list(state["history"]), state["best"]
        self._optimiser_state = state["optimiser"]

    # ---- loop --------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Train to the end, from wherever the progress stands. Raises TrainingFailed or Stopped."""
        stages = self.model.stages(self.config.as_dict())
        with deterministic(self.config.train.deterministic):
            while self.progress.stage < len(stages):
                self._run_stage(stages[self.progress.stage], len(stages))
                self.progress = Progress(self.progress.stage + 1, 0, 0, self.progress.total)
                self.optimiser = None

    def _run_stage(self, stage: Stage, stages: int) -> None:
        config = with_overrides(self.config, stage.overrides)
        epochs = stage.epochs or config.train.epochs
        torch.manual_seed(seed_of(config.seed, "stage", stage.name))
        self.model.enter_stage(stage)
        if self.ema is not None:
            self.ema.enter_stage(stage)
        self.augment = Augmenter(self.augment.policy, self.model.input_spec, config.augment)
        self.optimiser = make_optimiser(self.model, config)
        if self._optimiser_state is not None:
            self.optimiser.load_state_dict(self._optimiser_state)
            self._optimiser_state = None
        module = self._wrapped(config)
        label = f"{stage.name} " if stages > 1 else ""
        final = self.progress.stage == stages - 1
        while self.progress.epoch < epochs:
            self._run_epoch(module, config, stage, epochs)
            self._end_epoch(config, stage, label, epochs, final)
        if final and config.train.bn_batches:
            self._settle(config, stage, epochs)
            self.save(self, False)

    def _settle(self, config: Config, stage: Stage, epochs: int) -> None:
        """BatchNorm statistics of the network that is evaluated, anew; after a resume they come out the same.

        Every process does all batches, so that all end with the same numbers.
        """
        model = self.ema if self.ema is not None else self.model
        steps: list[Step] = []
        while len(steps) < config.train.bn_batches:
            steps += epoch_steps(self.train_set, self.model, config, stage, epochs + len(steps), 0, 1)
        steps = steps[: config.train.bn_batches]
        with torch.no_grad(), fresh_statistics(model):
            for i, (step, (_, rows)) in enumerate(
                zip(steps, self.feeder.batches(s.all for s in steps), strict=True)
            ):
                seed = seed_of(config.seed, stage.name, epochs, i)
                images, targets = self._batch(step, rows, seed)
                torch.manual_seed(seed)  # dropout
                with torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp):
                    model(images, targets)

    def _wrapped(self, config: Config) -> nn.Module:
        module: nn.Module = LossModule(self.model)
        if config.train.compile:
            module = torch.compile(module)  # type: ignore[assignment]
        if self.process.world == 1:
            return module
        if config.train.sync_bn:
            module = nn.SyncBatchNorm.convert_sync_batchnorm(module)  # type: ignore[no-untyped-call]
        ids = [self.device.index] if self.device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(module, device_ids=ids, find_unused_parameters=True)

    def _run_epoch(self, module: nn.Module, config: Config, stage: Stage, epochs: int) -> None:
        place, process = self.progress, self.process
        steps = epoch_steps(
            self.train_set, self.model, config, stage, place.epoch, process.rank, process.world
        )
        module.train()
        todo = steps[place.step :]
        clock = time.perf_counter()
        for step, (_, rows) in zip(todo, self.feeder.batches(s.all for s in todo), strict=True):
            rate = learning_rate(config.train, place.epoch + place.step / len(steps), epochs)
            seed = seed_of(config.seed, stage.name, place.epoch, place.step, process.rank)
            self._step(module, config.train, step, rows, rate, seed)
            place.step += 1
            place.total += 1
            if place.step % config.train.log_every == 0 or place.step == len(steps):
                self._check_finite(stage, place)
            now = time.perf_counter()
            self.tally.seconds, clock = self.tally.seconds + now - clock, now
            # several processes must leave at the same step, and to agree costs a wait
            due = process.world == 1 or place.step % config.train.log_every == 0 or place.step == len(steps)
            if due and process.any(self.stop(), self.device):
                self.save(self, False)
                raise Stopped(
                    f"stopped in epoch {place.epoch + 1} after step {place.step} of {len(steps)}; "
                    "the state is saved"
                )

    def _step(
        self, module: nn.Module, section: TrainSection, step: Step, rows: Tensor, rate: float, seed: int
    ) -> None:
        assert self.optimiser is not None
        images, targets = self._batch(step, rows, seed)
        torch.manual_seed(seed)  # dropout
        for group in self.optimiser.param_groups:
            group["lr"] = rate * group["lr_scale"]
        self.optimiser.zero_grad(set_to_none=True)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.amp):
            loss, parts, euler = module(images, targets)
        loss.backward()
        # a norm that is no number shows a broken network even where the loss survives it
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), section.clip or float("inf"))
        self.optimiser.step()
        if self.ema is not None:
            average(self.ema, self.model, section.ema)
        self.tally.add(loss, {**parts, "grad_norm": norm}, len(step.samples))
        # what the network says about pictures whose label it was just shown, for the collapse detector
        self.tally.seen.append((targets["euler"].detach(), euler.float()))

    def _batch(self, step: Step, rows: Tensor, seed: int) -> tuple[Tensor, Targets]:
        generator = torch.Generator(self.device).manual_seed(seed)
        labels = self.labels.take(torch.as_tensor(step.all, device=self.device))
        with torch.no_grad():
            images, targets = self.augment(rows, labels, generator)
            if hasattr(self.model, "degrade"):
                images = self.model.degrade(images / 255.0, generator) * 255.0
            images = normalise(images, self.model.input_spec)
        layout = torch.channels_last if self.config.train.channels_last else torch.contiguous_format
        images = images.contiguous(memory_format=layout)
        n = len(step.samples)
        if step.pool is not None and step.index is not None:
            index = torch.as_tensor(step.index, device=self.device)
            refs = References(images=images[n:], R=targets["R"][n:], index=index)
            targets = {k: v[:n] for k, v in targets.items()}  # type: ignore[assignment,index]
            targets["refs"] = refs
            images = images[:n]
        targets["sample_id"] = self.ids[step.samples].tolist()
        targets["mask_meta"] = [self.meta[i] for i in step.samples.tolist()]
        return images, targets

    def _check_finite(self, stage: Stage, place: Progress) -> None:
        for name, what in (("loss", "loss"), ("grad_norm", "gradient")):
            if not np.isfinite(value := float(self.tally.sums[name])):
                raise TrainingFailed(
                    f"the {what} became {value} in {stage.name} epoch {place.epoch + 1}, step {place.step}: "
                    "lower train.lr, or set train.clip; the last checkpoint is good"
                )

    def _end_epoch(self, config: Config, stage: Stage, label: str, epochs: int, final: bool) -> None:
        place, tally = self.progress, self.tally
        row: dict[str, Any] = {"stage": stage.name, "epoch": place.epoch + 1, "step": place.total}
        row["lr"] = learning_rate(config.train, float(place.epoch + 1), epochs)
        row.update(self._shared_means())
        row["images_per_s"] = tally.images * self.process.world / max(tally.seconds, 1e-9)
        row["seconds"] = tally.seconds
        improved, collapsed = False, self._collapsed_in_training()
        due = (place.epoch + 1) % config.train.val_every == 0 or place.epoch + 1 == epochs
        if self.val_set is not None and due:
            scores = self.evaluate(self.val_set)
            row.update({f"val_{k}": v for k, v in scores["mae"].items()})
            collapsed = scores["collapsed"]
            mae = scores["mae"]["mean"]
            improved = final and (self.best is None or mae < self.best)
            self.best = mae if improved else self.best
        # an earlier stage may learn something else than angles
        watch = final and place.epoch + 1 >= config.train.collapse_after
        row["collapsed"] = " ".join(collapsed) if watch else ""
        self.history.append(row)
        self._tell(row, label, epochs)
        self.progress = Progress(place.stage, place.epoch + 1, 0, place.total)
        self.tally = Tally()
        last = place.epoch + 1 == epochs
        if improved or last or (place.epoch + 1) % config.train.checkpoint_every == 0:
            self.save(self, improved)

    def _collapsed_in_training(self) -> list[str]:
        if not self.tally.seen:  # a run that resumed at the very end of an epoch
            return []
        true, said = (torch.cat([pair[i] for pair in self.tally.seen]).cpu().numpy() for i in (0, 1))
        return list(metrics.collapsed_angles(said, true))

    def _shared_means(self) -> dict[str, float]:
        names = sorted(self.tally.sums)
        values = torch.tensor(
            [*(float(self.tally.sums[n]) for n in names), self.tally.images], dtype=torch.float64
        )
        values = self.process.total(values.to(self.device)).cpu()
        return {n: float(values[i] / values[-1]) for i, n in enumerate(names)}

    def _tell(self, row: dict[str, Any], label: str, epochs: int) -> None:
        left = (epochs - row["epoch"]) * (row["seconds"] + 1e-9)
        val = f"  val MAE {row['val_mean']:.2f}" if "val_mean" in row else ""
        self.report(
            f"{label}epoch {row['epoch']}/{epochs}  loss {row['loss']:.4f}{val}  "
            f"{row['images_per_s']:.0f} images/s  {duration(left)} left"
        )
        if row["collapsed"]:
            names = row["collapsed"]
            self.report(f"warning: {names} collapsed: predictions vary less than a tenth of the labels")

    def evaluate(self, samples: SampleSet) -> dict[str, Any]:
        """Scores of the current (averaged, where there is an average) network on a set.

        Every process predicts its share; the shares are joined before anything is averaged.
        """
        model = self.ema if self.ema is not None else self.model
        predictor = TorchPredictor(model, self.device, self.amp)
        share = samples.take(np.arange(self.process.rank, len(samples), self.process.world))
        found = predict(predictor, share, self.config.eval.batch)
        scores = self.process.joined(found).score(self.config.eval.metric)
        if "mae" not in scores:
            scores.update(mae=scores["mae_zero_filled"], collapsed=[])
        return scores
