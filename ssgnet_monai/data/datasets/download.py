"""Fetching one file of known size or hash over HTTPS; a download that was cut goes on where it stopped."""

from __future__ import annotations

import hashlib
import http.client
import logging
import os
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from tqdm import tqdm

from ssgnet_monai import __version__
from ssgnet_monai.data.atomic_write import fsync_folder
from ssgnet_monai.data.datasets.adapter import RemoteFile

logger = logging.getLogger(__name__)

ATTEMPTS = 5
TIMEOUT = 60.0  # seconds without a byte
BLOCK = 2**20
HASHES = ("sha256", "md5")


class _AllowedRedirects(urllib.request.HTTPRedirectHandler):
    def __init__(self, schemes: Sequence[str]) -> None:
        self.schemes = schemes

    def redirect_request(self, *words: Any) -> urllib.request.Request | None:
        _check_scheme(words[-1], self.schemes)
        return super().redirect_request(*words)


def download_file(
    file: RemoteFile, folder: str | Path, *, schemes: Sequence[str] = ("https",), timeout: float = TIMEOUT
) -> Path:
    """Download a file, or find it already there, and check its size and hashes.

    What has arrived lies in ``<name>.part``. A cut connection is taken up again, at once and by the next call, from the
    byte where it broke, if the server still offers the same file (If-Range); else the file begins anew.

    Args:
        file: what to fetch, and what is known of it.
        folder: where to; created.
        schemes: allowed for the address and every redirect.
        timeout: seconds to wait for the next byte.

    Returns:
        The path of the checked file.

    Raises:
        ConnectionError: no network, a refusal by the server, or a connection that keeps breaking.
        ValueError: another scheme, or a size or hash that differs; a download that differs is removed.
    """
    path = Path(folder) / file.name
    if path.is_file():
        if problem := _difference(file, path):
            raise ValueError(f"{problem} It was there before; remove it to download it again.")
        logger.info("%s is already there.", path.name)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    _check_scheme(file.url, schemes)
    opener = urllib.request.build_opener(_AllowedRedirects(schemes))
    for attempt in range(1, ATTEMPTS + 1):
        if _fetch(file, part, opener, timeout):
            break
        arrived = part.stat().st_size
        logger.warning("%s: cut at %d bytes (attempt %d of %d).", path.name, arrived, attempt, ATTEMPTS)
    else:
        raise ConnectionError(
            f"Expected {path.name} whole, got a connection that was cut {ATTEMPTS} times. "
            f"{part.stat().st_size} bytes are kept; the same command goes on from there."
        )
    problem = _difference(file, part)
    _validator(part).unlink(missing_ok=True)
    if problem:
        part.unlink()
        raise ValueError(f"{problem} It was removed. Try again; if it stays so, the owner changed the file.")
    with open(part, "rb+") as whole:
        os.fsync(whole.fileno())
    os.replace(part, path)
    fsync_folder(path.parent)
    logger.info("%s: %d bytes, checked.", path.name, path.stat().st_size)
    return path


def _fetch(file: RemoteFile, part: Path, opener: urllib.request.OpenerDirector, timeout: float) -> bool:
    """Append what is missing to ``part``; False where the connection was cut."""
    validator = _validator(part)
    known = validator.read_text(encoding="latin-1") if validator.is_file() and part.is_file() else None
    start = part.stat().st_size if known else 0
    if start and start == file.size:
        return True
    headers = {"User-Agent": f"ssgnet-monai/{__version__}", "Accept-Encoding": "identity"}
    if start and known:
        headers |= {"Range": f"bytes={start}-", "If-Range": known}
    try:
        response = opener.open(urllib.request.Request(file.url, headers=headers), timeout=timeout)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
            validator.unlink()  # longer than the server's file: begin anew
            return False
        raise ConnectionError(
            f"Expected {file.url} to offer {file.name}, got {error.code} {error.reason}. Try later, or download it by "
            "hand from the dataset's page (`ssgnet data list`)."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise ConnectionError(
            f"Expected an answer of {urlsplit(file.url).hostname}, got '{getattr(error, 'reason', error)}'. Check the "
            f"network (proxies: HTTPS_PROXY); or download {file.url} elsewhere and put it into {part.parent}."
        ) from error
    with response:
        if response.status != http.HTTPStatus.PARTIAL_CONTENT:
            start = 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else file.size
        if file.size is not None and total != file.size:
            raise ValueError(
                f"Expected {file.name} of {file.size} bytes, {file.url} offers {total}. The owner changed the file; "
                "download it by hand from the dataset's page (`ssgnet data list`)."
            )
        try:
            with open(part, "ab" if start else "wb") as target:
                _remember(validator, response.headers)
                return _copy(response, target, start, total, file.name)
        except OSError as error:
            raise OSError(
                error.errno,
                f"Expected to write {part}, got '{error.strerror}'. What has arrived is kept; make space, or the "
                "folder writable, and run the same command again",
            ) from error


def _copy(response: http.client.HTTPResponse, target: IO[bytes], start: int, total: int | None, name: str) -> bool:
    arrived = start
    with tqdm(total=total, initial=start, desc=name, unit="B", unit_scale=True, disable=None) as bar:
        while total is None or arrived <= total:
            try:
                block = response.read(BLOCK)
            except (OSError, http.client.HTTPException):
                return False
            if not block:
                break
            target.write(block)
            arrived += len(block)
            bar.update(len(block))
    return total is None or arrived >= total


def _remember(validator: Path, headers: Any) -> None:
    """Keep what tells later whether the server's file is still the same; a weak tag does not."""
    tag = headers.get("ETag")
    known = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified")
    if known:
        validator.write_text(known, encoding="latin-1")
    else:
        validator.unlink(missing_ok=True)


def _validator(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _check_scheme(url: str, schemes: Sequence[str]) -> None:
    if urlsplit(url).scheme not in schemes:
        raise ValueError(f"Expected an address of {' or '.join(schemes)}, was sent to {url!r}. Nothing was fetched.")


def _difference(file: RemoteFile, path: Path) -> str | None:
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"Expected {file.name} of {file.size} bytes, got {size} in {path}."
    for kind in HASHES:
        wanted = getattr(file, kind)
        if wanted is None:
            continue
        with open(path, "rb") as content:
            found = hashlib.file_digest(content, kind).hexdigest()
        if found != wanted:
            return f"Expected {file.name} with {kind} {wanted}, got {found} in {path}."
    return None
