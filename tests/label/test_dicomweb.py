"""A DICOMweb server (Debian's Orthanc) in a network of its own, since Orthanc listens on every address."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
ALONE = ["unshare", "--net", "--map-root-user"]


@pytest.fixture
def orthanc(label_environment: Path) -> None:
    if not shutil.which("Orthanc") or not PLUGIN.exists():
        pytest.skip("Orthanc is not installed (Debian: apt install orthanc orthanc-dicomweb iproute2)")
    if subprocess.run([*ALONE, "true"], capture_output=True, check=False).returncode:
        pytest.skip("this machine does not let a process have a network of its own (unshare --net)")


@pytest.mark.usefixtures("orthanc")
def test_series_are_listed_masked_labelled_and_trained() -> None:
    inside = Path(__file__).with_name("dicomweb_session.py")
    tests = [sys.executable, "-m", "pytest", "-q", "-n0", "-p", "no:cacheprovider", str(inside)]
    words = [*ALONE, "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *tests]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
    assert "passed" in done.stdout
