"""``assay registry``: registered models, promotion, approvals, rollback, proof."""

from __future__ import annotations

import click

from assay.cli.registry_deploy import deploy
from assay.cli.registry_history import diff, history, holder, lineage
from assay.cli.registry_models import (
    alias,
    delete,
    list_models,
    register,
    rename,
    show,
    tag,
    versions,
)
from assay.cli.registry_moves import (
    approve,
    cancel,
    check,
    promote,
    reject,
    requests,
    rollback,
)
from assay.cli.registry_policy import policy
from assay.cli.registry_rules import rules
from assay.cli.registry_signing import key, sign, verify
from assay.cli.registry_traffic import traffic
from assay.cli.registry_worker import worker


@click.group()
def registry() -> None:
    """Keep models under names: register, promote, approve, roll back, prove.

    Exit codes: 0 done, 1 refused, failed or still waiting, 2 a mistake. What is written down as the
    author of a change is the owner of the token; without one, ASSAY_USER or this machine's user.
    """


for _command in (
    list_models,
    show,
    versions,
    register,
    alias,
    tag,
    rename,
    delete,
    promote,
    check,
    requests,
    approve,
    reject,
    cancel,
    rollback,
    history,
    holder,
    lineage,
    diff,
    policy,
    rules,
    deploy,
    key,
    sign,
    verify,
    traffic,
    worker,
):
    registry.add_command(_command)
