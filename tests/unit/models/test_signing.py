"""Signatures: whatever was done to the files, the bundle or the key afterwards is found."""

from __future__ import annotations

import importlib.abc
import json
import os
import shutil
import stat
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression

from assay.errors import Corrupted, InvalidInput, MissingExtra, UntrustedSignature
from assay.flavors.base import flavor_named
from assay.fluent.load_model import load_native, load_pyfunc
from assay.models import card, digests, signing
from assay.models.saving import Extras, save
from assay.models.signing import PublicKey

FRAME = pd.DataFrame({"a": [0.0, 1.0, 2.0], "b": [3.0, 1.0, 0.0]})


class Keys(NamedTuple):
    private: Path
    public: Path
    key_id: str

    @property
    def trusted(self) -> list[PublicKey]:
        return signing.trusted_keys(self.public)


def make_keys(folder: Path, name: str = "mine") -> Keys:
    private, public = folder / f"{name}.key", folder / f"{name}.pub"
    return Keys(private, public, signing.make_key(private, public))


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return make_keys(tmp_path)


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (signing.KEYS_VARIABLE, signing.REQUIRE_VARIABLE):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("saved") / "model"
    model = LinearRegression().fit(FRAME, [1, 2, 3])
    extras = Extras(input_example=FRAME, pip_requirements=["scikit-learn"], model_card="A model.")
    save(model, flavor_named("sklearn"), path, extras=extras)
    return path


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(saved, tmp_path / "model"))


def refused(folder: Path, bundle: str, keys: Keys) -> str:
    with pytest.raises(UntrustedSignature) as caught:
        signing.verify(folder, [bundle], keys.trusted)
    return caught.value.why


def test_key_pair_is_made_for_its_owner_only(keys: Keys) -> None:
    assert stat.S_IMODE(keys.private.stat().st_mode) == 0o600
    assert [key.key_id for key in keys.trusted] == [keys.key_id]
    assert "PRIVATE" not in keys.public.read_text()


@pytest.mark.parametrize("gone", ["private", "public"])
def test_keys_are_never_overwritten(keys: Keys, gone: str) -> None:
    getattr(keys, gone).unlink()
    left = keys.public if gone == "private" else keys.private
    before = left.read_bytes()

    with pytest.raises(InvalidInput, match="never overwritten"):
        signing.make_key(keys.private, keys.public)

    assert left.read_bytes() == before
    assert not getattr(keys, gone).exists()


def test_key_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="can't be written"):
        signing.make_key(tmp_path / "none" / "k", tmp_path / "k.pub")


def test_signed_model_is_verified_by_its_key(folder: Path, keys: Keys) -> None:
    made = signing.sign(folder, keys.private)

    assert made.key_id == keys.key_id
    assert signing.verify(folder, [made.bundle], keys.trusted).file == keys.public


def test_signature_holds_wherever_the_folder_is(folder: Path, keys: Keys, tmp_path: Path) -> None:
    bundle = signing.sign(folder, keys.private).bundle
    moved = folder.rename(tmp_path / "another name")

    signing.verify(moved, [bundle], keys.trusted)


def test_what_tools_add_to_a_finished_model_is_not_signed(folder: Path, keys: Keys) -> None:
    bundle = signing.sign(folder, keys.private).bundle
    (folder / "registered_model_meta").write_text("model_name: digits\n")
    (folder / "verification.json").write_text("{}")

    signing.verify(folder, [bundle], keys.trusted)


def test_altered_file_is_named(folder: Path, keys: Keys) -> None:
    bundle = signing.sign(folder, keys.private).bundle
    (folder / card.FILE).write_text("Another model.")

    assert card.FILE in refused(folder, bundle, keys)


@pytest.mark.parametrize(
    "path", ["more.py", ".hidden", ".git/config", ".gitignore", ".github/x", "__pycache__/a.pyc"]
)
def test_added_file_is_found(folder: Path, keys: Keys, path: str) -> None:
    bundle = signing.sign(folder, keys.private).bundle
    (folder / path).parent.mkdir(exist_ok=True)
    (folder / path).write_text("added")

    assert "differ" in refused(folder, bundle, keys)


def test_removed_file_is_found(folder: Path, keys: Keys) -> None:
    bundle = signing.sign(folder, keys.private).bundle
    (folder / card.FILE).unlink()

    assert "differ" in refused(folder, bundle, keys)


def test_altered_digests_are_found(folder: Path, keys: Keys) -> None:
    bundle = signing.sign(folder, keys.private).bundle
    (folder / card.FILE).write_text("Another model.")
    digests.write(folder)

    refused(folder, bundle, keys)


@pytest.mark.parametrize("where", ["file", "folder"])
def test_link_in_the_folder_is_refused(
    folder: Path, keys: Keys, tmp_path: Path, where: str
) -> None:
    bundle = signing.sign(folder, keys.private).bundle
    outside = tmp_path / "outside"
    if where == "file":
        outside.write_text("x")
    else:
        outside.mkdir()
    (folder / "link").symlink_to(outside)

    refused(folder, bundle, keys)


def test_file_replaced_by_a_link_to_the_same_content_is_refused(
    folder: Path, keys: Keys, tmp_path: Path
) -> None:
    bundle = signing.sign(folder, keys.private).bundle
    (folder / card.FILE).rename(tmp_path / "elsewhere")
    (folder / card.FILE).symlink_to(tmp_path / "elsewhere")

    refused(folder, bundle, keys)


def test_damaged_model_is_not_signed(folder: Path, keys: Keys) -> None:
    (folder / card.FILE).write_text("Another model.")

    with pytest.raises(Corrupted):
        signing.sign(folder, keys.private)


def test_signature_of_another_key_is_not_trusted(folder: Path, keys: Keys, tmp_path: Path) -> None:
    other = make_keys(tmp_path, "other")
    bundle = signing.sign(folder, other.private).bundle

    assert "isn't trusted here" in refused(folder, bundle, keys)


def test_signature_that_claims_a_trusted_key_is_found_out(
    folder: Path, keys: Keys, tmp_path: Path
) -> None:
    other = make_keys(tmp_path, "other")
    bundle = signing.sign(folder, other.private).bundle.replace(other.key_id, keys.key_id)
    assert keys.key_id in bundle

    assert "isn't trusted here" not in refused(folder, bundle, keys)


def test_bundle_of_another_model_does_not_count(folder: Path, keys: Keys, tmp_path: Path) -> None:
    other = tmp_path / "other"
    save(
        LinearRegression().fit(FRAME, [3, 2, 1]),
        flavor_named("sklearn"),
        other,
        extras=Extras(input_example=FRAME, pip_requirements=[]),
    )
    bundle = signing.sign(other, keys.private).bundle

    assert "differ" in refused(folder, bundle, keys)


def test_altered_statement_in_a_bundle_is_found(folder: Path, keys: Keys) -> None:
    bundle = json.loads(signing.sign(folder, keys.private).bundle)
    payload = bundle["dsseEnvelope"]["payload"]
    bundle["dsseEnvelope"]["payload"] = ("A" if payload[20] != "A" else "B").join(
        (payload[:20], payload[21:])
    )

    refused(folder, json.dumps(bundle), keys)


@pytest.mark.parametrize("bundle", ["", "{", "[]", "null", '{"a": 1}', "[" * 100_000, "\x00"])
def test_bundle_that_is_none_is_no_proof(folder: Path, keys: Keys, bundle: str) -> None:
    refused(folder, bundle, keys)


def test_hint_alone_is_no_proof(folder: Path, keys: Keys) -> None:
    bundle = json.dumps({"verificationMaterial": {"publicKey": {"hint": keys.key_id}}})

    refused(folder, bundle, keys)


def test_one_good_bundle_among_others_is_enough(folder: Path, keys: Keys, tmp_path: Path) -> None:
    other = make_keys(tmp_path, "other")
    bundles = ["{}", *(signing.sign(folder, one.private).bundle for one in (other, keys))]

    assert signing.verify(folder, bundles, keys.trusted).key_id == keys.key_id


def test_missing_bundle_or_key_is_told(folder: Path, keys: Keys) -> None:
    with pytest.raises(UntrustedSignature, match="it has none"):
        signing.verify(folder, [], keys.trusted)
    with pytest.raises(UntrustedSignature, match="ASSAY_TRUSTED_KEYS"):
        signing.verify(folder, ["{}"], [])


def test_trusted_keys_are_files_and_folders_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "team").mkdir()
    ids = [make_keys(tmp_path / "team", name).key_id for name in ("a", "b")]
    for private in (tmp_path / "team").glob("*.key"):
        private.unlink()
    mine = make_keys(tmp_path)
    monkeypatch.setenv("ASSAY_TRUSTED_KEYS", f"{mine.public}{os.pathsep}{tmp_path / 'team'}:")

    assert [key.key_id for key in signing.trusted_keys()] == [mine.key_id, *ids]


@pytest.mark.parametrize("content", [None, b"", b"-----BEGIN PUBLIC KEY-----\nx\n", b"\xff\x00"])
def test_key_that_cannot_be_read_is_told(
    folder: Path, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "bad.pem"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(InvalidInput, match=r"bad\.pem"):
        signing.trusted_keys(file)
    with pytest.raises(InvalidInput, match=r"bad\.pem"):
        signing.sign(folder, file)


def test_private_key_is_no_public_one_and_the_other_way_round(folder: Path, keys: Keys) -> None:
    with pytest.raises(InvalidInput, match="no public key"):
        signing.trusted_keys(keys.private)
    with pytest.raises(InvalidInput, match="no private key"):
        signing.sign(folder, keys.public)


def test_key_of_another_kind_is_refused(folder: Path, tmp_path: Path) -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    (tmp_path / "private.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    (tmp_path / "public.pem").write_bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )

    with pytest.raises(InvalidInput, match="no elliptic-curve key"):
        signing.sign(folder, tmp_path / "private.pem")
    with pytest.raises(InvalidInput, match="no elliptic-curve key"):
        signing.trusted_keys(tmp_path / "public.pem")


def test_model_signed_beside_its_folder_is_loaded_offline(folder: Path, keys: Keys) -> None:
    written = signing.write_beside(folder, [signing.sign(folder, keys.private).bundle])

    assert written.name == "model.sig"
    assert load_pyfunc(folder, require_signature=keys.public).predict(FRAME) is not None
    assert load_native(str(folder), require_signature=keys.public.parent) is not None


def test_unsigned_model_is_not_loaded_where_a_signature_is_required(
    folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ASSAY_TRUSTED_KEYS", str(keys.public))

    with pytest.raises(UntrustedSignature, match="it has none"):
        load_pyfunc(folder, require_signature=True)
    monkeypatch.setenv("ASSAY_REQUIRE_SIGNATURE", "1")
    with pytest.raises(UntrustedSignature, match="it has none"):
        load_native(folder)
    assert load_pyfunc(folder, require_signature=False) is not None
    monkeypatch.setenv("ASSAY_REQUIRE_SIGNATURE", "0")
    assert load_pyfunc(folder) is not None


def test_altered_model_is_not_loaded(
    folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    signing.write_beside(folder, [signing.sign(folder, keys.private).bundle])
    (folder / card.FILE).write_text("Another model.")
    digests.write(folder)
    monkeypatch.setenv("ASSAY_TRUSTED_KEYS", str(keys.public))
    monkeypatch.setenv("ASSAY_REQUIRE_SIGNATURE", "yes")

    with pytest.raises(UntrustedSignature, match=card.FILE):
        load_pyfunc(folder)


def test_bundle_of_other_tools_beside_the_folder_is_read(folder: Path, keys: Keys) -> None:
    signing.beside(folder).write_text(signing.sign(folder, keys.private).bundle)

    load_pyfunc(folder, require_signature=keys.public)


def test_bundles_beside_the_folder_that_are_no_json_are_told(folder: Path) -> None:
    assert signing.read_beside(folder) == []
    signing.beside(folder).write_text("no json")

    with pytest.raises(UntrustedSignature, match="is no JSON"):
        signing.read_beside(folder)


class _Blocked(importlib.abc.MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname.partition(".")[0] in ("model_signing", "cryptography"):
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def test_missing_extra_names_its_install_line(
    folder: Path, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    trusted, made = keys.trusted, signing.sign(folder, keys.private)
    for name in list(sys.modules):
        if name.partition(".")[0] in ("model_signing", "cryptography"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [_Blocked(), *sys.meta_path])
    calls: list[Any] = [
        lambda: signing.make_key(folder / "k", folder / "k.pub"),
        lambda: signing.trusted_keys(keys.public),
        lambda: signing.sign(folder, keys.private),
        lambda: signing.verify(folder, [made.bundle], trusted),
        lambda: load_pyfunc(folder, require_signature=keys.public),
    ]

    for call in calls:
        with pytest.raises(MissingExtra, match=r"assay\[signing\]"):
            call()
