"""``assay registry key``, ``sign`` and ``verify``: signatures of versions."""

from __future__ import annotations

from pathlib import Path

import click

from assay.cli.models_place import at_place
from assay.cli.output import clean, print_json, say
from assay.cli.registry_output import as_json_option, reason_option
from assay.entities.registry_names import parse_version
from assay.errors import UntrustedSignature
from assay.models import signing
from assay.registry.signing import sign_version, verify_version


@click.command("key")
@click.argument("private", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--public",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the public key goes; default: beside the private one, ending in .pub.",
)
@as_json_option
def key(private: Path, *, public: Path | None, as_json: bool) -> None:
    """Make a key pair for signing (ECDSA, P-256). Nothing is overwritten.

    \b
    Example:
      assay registry key signing.key
    """
    public = public or private.with_suffix(".pub")
    ident = signing.make_key(private, public)
    if as_json:
        print_json({"key_id": ident, "private": str(private), "public": str(public)})
        return
    say(clean(f"key {ident[:16]}: {private} signs, {public} verifies"))


@click.command("sign")
@click.argument("name")
@click.argument("version")
@click.option(
    "--key", required=True, type=click.Path(exists=True, path_type=Path), help="Private key."
)
@reason_option
@as_json_option
@click.pass_context
def sign(
    ctx: click.Context, name: str, version: str, *, key: Path, reason: str, as_json: bool
) -> None:
    """Sign all files of a version; the signature is kept in the registry.

    \b
    Example:
      assay registry sign digits 3 --key signing.key
    """
    with at_place(ctx):
        made = sign_version(name, parse_version(version), key=key, reason=reason)
    if as_json:
        print_json(made)
        return
    say(clean(f"{name} {version} signed by {made.signer}, key {made.key_id[:16]}"))


@click.command("verify")
@click.argument("name")
@click.argument("version")
@click.option(
    "--key",
    type=click.Path(exists=True, path_type=Path),
    help="Public key, or a folder of them; default: ASSAY_TRUSTED_KEYS.",
)
@as_json_option
@click.pass_context
def verify(ctx: click.Context, name: str, version: str, *, key: Path | None, as_json: bool) -> None:
    """Check that a trusted key has signed exactly the files of a version. Exit code 1 if not.

    \b
    Example:
      assay registry verify digits 3 --key signing.pub
    """
    try:
        with at_place(ctx):
            found = verify_version(name, parse_version(version), keys=key)
    except UntrustedSignature as error:
        if as_json:
            print_json({"ok": False, "why": error.why})
        else:
            say(clean(error.message))
        ctx.exit(1)
    if as_json:
        print_json({"ok": True, "key_id": found.key_id, "signer": found.signer, "time": found.time})
        return
    say(clean(f"ok: signed by {found.signer}, key {found.key_id[:16]}"))
