"""Puts the bundles and configs of the repository's top level into the package when a wheel is built.

An editable installation needs no copy: ssgnet_monai/shipped.py finds them in the checkout. All other metadata is in
setup.cfg.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

# Never what a run leaves in a bundle: models, output, data.
SHIPPED = ("bundles/*/LICENSE", "bundles/*/configs/*", "bundles/*/docs/**/*", "configs/**/*.yaml")


class BuildWithShippedFiles(build_py):
    def run(self) -> None:
        super().run()
        if self.editable_mode:
            return
        root, target = Path(__file__).resolve().parent, Path(self.build_lib, "ssgnet_monai", "shipped_files")
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build
        for file in sorted(file for pattern in SHIPPED for file in root.glob(pattern) if file.is_file()):
            copy = target / file.relative_to(root)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, copy)


setup(cmdclass={"build_py": BuildWithShippedFiles})
