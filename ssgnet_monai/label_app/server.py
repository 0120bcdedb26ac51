"""MONAI Label's server with bundles of ours: one folder a run, nothing fetched, and this machine alone may ask."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from ssgnet_monai.data.image_files import IMAGE_SUFFIXES
from ssgnet_monai.data.volumes.label_volume import NRRD
from ssgnet_monai.label_app.bundle_classes import served_classes
from ssgnet_monai.label_app.environment import environment_python
from ssgnet_monai.label_app.served_bundle import check_bundle
from ssgnet_monai.pipeline.interruption import signals_raise

logger = logging.getLogger(__name__)
GRACE = 10.0
"""Seconds in which the server and its trainings may end by themselves."""
WATCH = 2.0
"""Seconds between looks at which trainings the server has started."""
STUDIES = sorted(IMAGE_SUFFIXES | {suffix.upper() for suffix in IMAGE_SUFFIXES} | {NRRD})
"""Endings of images and labels; by default MONAI Label lists no .jpeg, .tiff, .bmp, .dcm and none in capitals."""
LOCAL = ("127.0.0.1", "localhost", "::1")
LOCAL_ALONE = "SSGNET_LABEL_LOCAL_ALONE"
"""Environment variable of a server that listens on this machine alone."""
PUBLIC = "SSGNET_LABEL_ORIGIN"
"""Environment variable: the origin of a proxy before the server."""
WEB_APP = "ssgnet_monai.label_app.own_pages:app"
EMPTY = "empty"
"""Where the server runs: MONAI Label takes a study's name for a file that is there."""
LISTED = "MONAI_LABEL_DICOMWEB_CACHE_EXPIRY"
"""Environment variable: seconds for which it is remembered what an archive holds."""
PREFIX, LOCK = "ssgnet-label-", "lock"
MAIN = Path(__file__).with_name("main.py")
STOCK = Path("monailabel") / "sample-apps" / "monaibundle"
"""Where pip puts the stock app, under the environment's folder."""


def start_server(
    bundles: Sequence[Path],
    studies: str,
    environment: Path,
    app_name: str = "stock",
    host: str = "127.0.0.1",
    port: int = 8000,
    conf: Mapping[str, str] | None = None,
    origin: str = "",
) -> int:
    """Run the server until it is interrupted.

    Args:
        bundles: folders of trained bundles; training writes their ``models/model.pt``.
        studies: folder of images, or the URL of a DICOMweb server.
        environment: of MONAI Label.
        app_name: ``stock`` or ``ssgnet``, as ``ssgnet label start --app`` has them.
        host: address to listen on.
        port: port to listen on.
        conf: further settings of the app, as of ``monailabel start_server --conf``.
        origin: of a proxy before the server, such as ``https://HOST``.

    Returns:
        The server's exit status.

    Raises:
        FileNotFoundError: no environment, weights or studies.
        ValueError: two bundles of one name, or segmenters of different classes.
    """
    environment = environment.absolute()
    python = environment_python(environment)
    if not studies.startswith(("http://", "https://")):
        if not Path(studies).is_dir():
            raise FileNotFoundError(f"Expected a folder of images or a DICOMweb URL as studies, found no {studies}.")
        studies = str(Path(studies).absolute())
        _check_writable(Path(studies))
    if host not in LOCAL:
        logger.warning(
            "LISTENING ON %s: everybody who reaches this machine on port %d can read and change all studies and start "
            "trainings; there is no password and no encryption. Keep 127.0.0.1, or put TLS and a login before it "
            "(docs/slicer.md, section 'Other machines').",
            host,
            port,
        )
    with signals_raise(), app_folder(bundles, environment / STOCK) as app:
        names = ",".join(sorted(path.name for path in (app / "model").iterdir()))
        words = ["--app", str(app), "--studies", studies, "--host", host, "--port", str(port), "--uvicorn_app", WEB_APP]
        settings = {"models": names, "zoo_source": "local", "sam2": "false", "app": app_name, **(conf or {})}
        for key, value in settings.items():
            words += ["--conf", key, value]
        logger.info("starting, some seconds (log: %s)", app / "logs" / "app.log")
        search = f"{environment / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"  # dcmqi's tools
        variables = {
            "MONAI_LABEL_DATASTORE_FILE_EXT": json.dumps([f"*{suffix}" for suffix in STUDIES]),
            PUBLIC: origin,
            **({LOCAL_ALONE: "1"} if host in LOCAL else {}),
            "TMPDIR": str(app / "tmp"),
            "MONAI_LABEL_SESSION_PATH": str(app / "sessions"),
            "MONAI_LABEL_DICOMWEB_CACHE_PATH": str(app / "dicom"),  # patient data: removed with the app
            "PATH": search,
            LISTED: os.environ.get(LISTED, "5"),  # by default two hours, in which labelled series are offered again
        }
        if app_name == "ssgnet":  # whose score of corrections would start a second app at every click
            variables["MONAI_LABEL_AUTO_UPDATE_SCORING"] = "false"
        command = [str(python), "-m", "monailabel.main", "start_server", *words]
        with open(app.parent / LOCK) as lock:  # which the server keeps if this process is killed
            fcntl.flock(lock, fcntl.LOCK_SH)
            process = subprocess.Popen(
                command, env={**os.environ, **variables}, cwd=app / EMPTY, pass_fds=[lock.fileno()]
            )
        family: list[psutil.Process] = []
        told = False
        try:
            while True:
                family = _family(process.pid) or family
                if not told and _listens(host, port):
                    told = True
                    logger.info("serving %s at http://%s:%d: type this address into 3D Slicer", names, host, port)
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(WATCH)
        except KeyboardInterrupt:
            logger.info("the server ends; labels and models are on disk, a training in progress is given up")
            return 130
        finally:
            _end(_family(process.pid) or family)


def _check_writable(studies: Path) -> None:
    """Labels and MONAI Label's index are written among the studies."""
    for folder in (studies, studies / "labels", studies / "labels" / "final"):
        if folder.exists():
            try:
                with tempfile.TemporaryFile(dir=folder):
                    pass
            except OSError as error:
                raise PermissionError(
                    f"Expected a folder of studies that can be written, since labels are saved in it, got {folder} "
                    f"({error.strerror}). Copy the studies to a folder of yours, or make it writable."
                ) from error


def _listens(host: str, port: int) -> bool:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1" if host == "0.0.0.0" else host, port)) == 0


def _family(server: int) -> list[psutil.Process]:
    """The server and its trainings, which would outlive it; none where it has ended."""
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(server)
        return [*root.children(recursive=True), root]
    return []


def _end(processes: Sequence[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.terminate()
    for process in psutil.wait_procs(processes, timeout=GRACE)[1]:
        with suppress(psutil.NoSuchProcess):
            process.kill()


@contextmanager
def app_folder(bundles: Sequence[Path], stock: Path) -> Iterator[Path]:
    """A copy of the app with links to the bundles, removed afterwards with what it downloaded.

    So is what a killed server left: each holds a lock on its folder while it lives.

    Args:
        bundles: folders of bundles.
        stock: folder of MONAI Label's ``monaibundle`` app.

    Yields:
        The app's folder.

    Raises:
        FileNotFoundError: a bundle lacks its weights.
        ValueError: two bundles of one name, or segmenters of different classes.
    """
    names = [check_bundle(bundle) for bundle in bundles]
    if len(set(names)) < len(names):
        raise ValueError(f"Expected bundles of different names, got {', '.join(names)}. Rename a folder.")
    served_classes(bundle.resolve() for bundle in bundles)
    _remove_abandoned()
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder, open(Path(folder) / f"{LOCK}.new", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        os.rename(lock.name, Path(folder) / LOCK)  # nobody sees it unlocked
        app = Path(folder) / "app"
        shutil.copytree(stock, app, ignore=shutil.ignore_patterns("__pycache__", "logs", "model"))
        (app / "main.py").rename(app / "stock_main.py")
        shutil.copyfile(MAIN, app / "main.py")
        (app / "model").mkdir(exist_ok=True)
        (app / "tmp").mkdir(mode=0o700)
        (app / EMPTY).mkdir()
        for name, bundle in zip(names, bundles, strict=True):
            (app / "model" / name).symlink_to(bundle.resolve())
        yield app


def _remove_abandoned() -> None:
    for path in sorted(Path(tempfile.gettempdir()).glob(f"{PREFIX}*/{LOCK}")):
        with suppress(OSError):  # it is locked, somebody else's, or just being removed
            if path.parent.is_symlink() or path.stat().st_uid != os.getuid():
                continue
            with open(path) as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path.parent, ignore_errors=True)
