"""Signatures over a model's folder, in the format of sigstore's model-signing, with a local key.

A signature is a bundle of JSON, kept apart from the files that it is about: in the registry, or
beside the folder as ``<folder>.sig``. Verifying needs the bundle, the folder and a public key, and
no network. All files count but those that tools add to a finished model.
Format: the OpenSSF Model Signing specification, version 1.0.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from assay.errors import InvalidInput, MissingExtra, UntrustedSignature
from assay.models import digests

KEYS_VARIABLE: Final = "ASSAY_TRUSTED_KEYS"
"""Public keys whose signatures count: PEM files, or folders of them, as in ``PATH``."""
REQUIRE_VARIABLE: Final = "ASSAY_REQUIRE_SIGNATURE"
"""``1``: no model is loaded without a signature of one of these keys."""
SUFFIX: Final = ".sig"
_KEY_ENDINGS: Final = (".pem", ".pub")
_ADDED_LATER: Final = sorted(digests.ADDED_LATER - {digests.FILE})
_MAX_BUNDLE_BYTES: Final = 64 << 20
_YES: Final = frozenset({"1", "true", "yes", "on"})


class Signed(NamedTuple):
    """A fresh signature."""

    key_id: str
    """SHA-256, hex, of the public key's PEM form."""
    bundle: str


class PublicKey(NamedTuple):
    """A public key on this machine."""

    key_id: str
    file: Path


def make_key(private: Path, public: Path) -> str:
    """Make a key pair (ECDSA over P-256) as PEM files; returns the key's id.

    Raises:
        InvalidInput: one of the files exists, or can't be written.
        MissingExtra: the extra ``signing`` isn't installed.
    """
    serialization, ec = _cryptography()
    key = ec.generate_private_key(ec.SECP256R1())
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    shown = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    try:
        _write_new(private, secret, mode=0o600)
        try:
            _write_new(public, shown, mode=0o644)
        except OSError:
            # Half a pair would be in the way of the next attempt.
            private.unlink()
            raise
    except FileExistsError as error:
        raise InvalidInput(f"{error.filename} exists; keys are never overwritten.") from None
    except OSError as error:
        raise InvalidInput(f"{error.filename} can't be written: {error.strerror}.") from None
    return _key_id(key.public_key())


def _write_new(file: Path, content: bytes, *, mode: int) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)


def sign(folder: Path, key: Path) -> Signed:
    """Sign all files of a model with a private key (PEM; P-256, P-384 or P-521).

    Raises:
        InvalidInput: the key can't be read.
        Corrupted: the files aren't what their digests say.
        UntrustedSignature: the folder holds what can't be signed, such as links.
        MissingExtra: the extra ``signing`` isn't installed.
    """
    digests.check(folder)
    signing, _ = _library()
    key_id = _key_id(_private_key(key).public_key())
    with tempfile.TemporaryDirectory(prefix="assay-signing-") as work:
        bundle = Path(work) / "bundle"
        try:
            signer = signing.Config().set_hashing_config(_hashing())
            signer.use_elliptic_key_signer(private_key=key).sign(folder, bundle)
        except (ValueError, OSError) as error:
            raise UntrustedSignature(str(folder), f"it can't be signed: {error}") from error
        return Signed(key_id, bundle.read_text(encoding="utf-8"))


def verify(
    folder: Path, bundles: Sequence[str], keys: Sequence[PublicKey], *, where: str = ""
) -> PublicKey:
    """The trusted key that has signed exactly these files.

    Raises:
        UntrustedSignature: no bundle is of a trusted key, or the files aren't those signed.
        MissingExtra: the extra ``signing`` isn't installed.
    """
    where = where or str(folder)
    if not keys:
        raise UntrustedSignature(
            where, f"no trusted keys are named; set {KEYS_VARIABLE}, or name a public key"
        )
    if not bundles:
        raise UntrustedSignature(where, "it has none")
    known = {key.key_id: key for key in keys}
    reasons: list[str] = []
    for bundle in bundles:
        key = known.get(_signer(bundle))
        if key is None:
            reasons.append("it is of a key that isn't trusted here")
            continue
        problem = _problem(folder, bundle, key)
        if problem is None:
            return key
        reasons.append(problem)
    raise UntrustedSignature(where, "; ".join(dict.fromkeys(reasons)))


def _problem(folder: Path, bundle: str, key: PublicKey) -> str | None:
    _, verifying = _library()
    with _file_of(bundle) as file:
        try:
            verifier = verifying.Config().set_hashing_config(_hashing())
            verifier.use_elliptic_key_verifier(public_key=key.file).verify(folder, file)
        except Exception as error:  # noqa: BLE001 - whatever a hostile bundle raises, it is no proof
            return _told(error)
    return None


def _told(error: Exception) -> str:
    """What the library says, without its representations of bytes."""
    text = " ".join(str(error).split())
    if text.startswith("Signature mismatch"):
        files = [part.split("'")[1] for part in text.split("Hash mismatch for ")[1:]]
        if files:
            return f"the files differ from those signed ({', '.join(files[:5])})"
        return f"the files differ from those signed ({text[len('Signature mismatch: ') :][:200]})"
    return text[:200] or type(error).__name__


def trusted_keys(named: str | Path | None = None) -> list[PublicKey]:
    """The public keys that count: of one file or folder, else those of ``ASSAY_TRUSTED_KEYS``.

    Raises:
        InvalidInput: a file is missing, or is no public key.
        MissingExtra: the extra ``signing`` isn't installed.
    """
    paths = [str(named)] if named else os.environ.get(KEYS_VARIABLE, "").split(os.pathsep)
    return [_public_key(file) for path in paths if path.strip() for file in _files_at(path)]


def is_required(asked: bool | str | Path | None) -> bool:
    """Whether a signature is needed: as asked, else as ``ASSAY_REQUIRE_SIGNATURE`` says."""
    if asked is None:
        return os.environ.get(REQUIRE_VARIABLE, "").strip().lower() in _YES
    return bool(asked)


def beside(folder: Path) -> Path:
    """Where the signatures of a folder are kept: a JSON list of bundles, or one bundle."""
    return folder.with_name(folder.name + SUFFIX)


def read_beside(folder: Path) -> list[str]:
    """The bundles next to a folder; none if there is no such file.

    Raises:
        UntrustedSignature: the file can't be read.
    """
    file = beside(folder)
    try:
        if file.stat().st_size > _MAX_BUNDLE_BYTES:
            raise UntrustedSignature(str(folder), f"{file} is too large")
        content = file.read_bytes()
    except FileNotFoundError:
        return []
    except OSError as error:
        raise UntrustedSignature(str(folder), f"{file}: {error.strerror}") from error
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UntrustedSignature(str(folder), f"{file} is no JSON") from error
    entries = found if isinstance(found, list) else [found]
    return [msgspec.json.encode(entry).decode() for entry in entries]


def write_beside(folder: Path, bundles: Iterable[str]) -> Path:
    """Keep bundles next to a folder; returns the file."""
    file = beside(folder)
    file.write_bytes(msgspec.json.encode([msgspec.Raw(one.encode()) for one in bundles]))
    return file


def _files_at(path: str) -> list[Path]:
    place = Path(path).expanduser()
    if place.is_dir():
        return sorted(one for one in place.iterdir() if one.suffix in _KEY_ENDINGS)
    return [place]


def _public_key(file: Path) -> PublicKey:
    serialization, ec = _cryptography()
    try:
        key = serialization.load_pem_public_key(file.read_bytes())
    except OSError as error:
        raise InvalidInput(f"The public key {file} can't be read: {error.strerror}.") from None
    except ValueError:
        raise InvalidInput(f"{file} holds no public key in PEM form.") from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise InvalidInput(f"{file} is no elliptic-curve key; `assay registry key` makes one.")
    return PublicKey(_key_id(key), file)


def _private_key(file: Path) -> Any:
    serialization, ec = _cryptography()
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise InvalidInput(f"The signing key {file} can't be read: {error.strerror}.") from None
    except (ValueError, TypeError):
        raise InvalidInput(f"{file} holds no private key in PEM form, or it is locked.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise InvalidInput(f"{file} is no elliptic-curve key; `assay registry key` makes one.")
    return key


def _key_id(public: Any) -> str:
    serialization, _ = _cryptography()
    # As the library's bundles name it: the digest of the PEM text.
    pem = public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return hashlib.sha256(pem).hexdigest()


class _Key(msgspec.Struct, frozen=True):
    hint: str = ""


class _Material(msgspec.Struct, frozen=True):
    public_key: _Key = msgspec.field(name="publicKey", default=_Key())


class _Bundle(msgspec.Struct, frozen=True):
    material: _Material = msgspec.field(name="verificationMaterial", default=_Material())


def _signer(bundle: str) -> str:
    """The id of the key that a bundle says it is of; empty if it says none."""
    try:
        return msgspec.json.decode(bundle, type=_Bundle).material.public_key.hint
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return ""


@contextmanager
def _file_of(bundle: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="assay-signing-") as work:
        file = Path(work) / "bundle"
        file.write_text(bundle, encoding="utf-8")
        yield file


def _library() -> tuple[Any, Any]:
    try:
        from model_signing import signing, verifying
    except ImportError:
        raise _missing() from None
    return signing, verifying


def _hashing() -> Any:
    """What counts: everything, hidden files too, which the library leaves out by default."""
    from model_signing import hashing

    config: Any = hashing.Config
    return config().set_ignored_paths(paths=_ADDED_LATER, ignore_git_paths=False)


def _cryptography() -> tuple[Any, Any]:
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError:
        raise _missing() from None
    return serialization, ec


def _missing() -> MissingExtra:
    return MissingExtra("model-signing", extra="signing", purpose="Signatures of models")
