from ssgnet_monai.pipeline.run import run_experiment

__all__ = ["run_experiment"]
