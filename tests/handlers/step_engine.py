"""An engine whose steps end as those of MONAI's trainers do."""

from collections.abc import Callable
from typing import Any

from ignite.engine import Engine
from monai.engines import IterationEvents


def step_engine(step: Callable[[Engine, Any], Any]) -> Engine:
    """An engine that fires ``MODEL_COMPLETED`` with the output of ``step(engine, batch)``."""

    def iteration(engine: Engine, batch: Any) -> Any:
        engine.state.output = step(engine, batch)
        engine.fire_event(IterationEvents.MODEL_COMPLETED)
        return engine.state.output

    engine = Engine(iteration)
    engine.register_events(*IterationEvents)
    return engine
