"""The functions of each flavor's module: ``save_model``, ``log_model`` and ``load_model``.

Arguments have MLflow's names and meaning; what Assay adds comes after them. Arguments that a flavor
has beside these go to the flavor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from assay.errors import InvalidInput
from assay.flavors.base import flavor_named
from assay.fluent.load_model import load_native
from assay.fluent.log_model import DEFAULT_NAME, Logging, flavor_of, log_with
from assay.models.checks import Budget, Invariant
from assay.models.mlmodel import Model
from assay.models.saving import Extras, save
from assay.models.signatures.schema import Signature

_IGNORED: Final = frozenset(
    {"await_registration_for", "prompts", "resources", "auth_policy", "infer_code_paths"}
)
"""Arguments of MLflow that have no meaning here and do no harm."""


class Face:
    """The functions of one flavor; ``assay.sklearn`` and the like have them as their own."""

    def __init__(self, flavor: str) -> None:
        self.flavor = flavor

    def save_model(
        self,
        model: Any = None,
        path: str | Path | None = None,
        *,
        conda_env: Mapping[str, Any] | str | None = None,
        code_paths: Sequence[str | Path] | None = None,
        signature: Signature | bool | None = None,
        input_example: Any = None,
        pip_requirements: Sequence[str] | str | None = None,
        extra_pip_requirements: Sequence[str] | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        golden: bool = True,
        golden_tolerance: tuple[float, float] | None = None,
        invariants: Sequence[Invariant] = (),
        budget: Budget | None = None,
        model_card: str = "",
        **options: Any,
    ) -> Model:
        """Write a model's folder; it appears whole or not at all.

        Args:
            model: the framework's object.
            path: a folder that doesn't exist yet, or is empty.
            conda_env: the environment, as a dict or the path of a ``conda.yaml``, instead of what
                is inferred.
            code_paths: files and folders that loading needs; they are copied.
            signature: what goes in and comes out; ``None``: inferred from the input example;
                ``False``: none.
            input_example: a few rows, or a tuple of rows and params.
            pip_requirements: requirements, or the path of a file of them, instead of what is
                inferred by loading the model in a process of its own.
            extra_pip_requirements: requirements beside those.
            metadata: whatever shall be kept with the model; JSON values.
            golden: keep what the model answers to its example, so that ``assay models verify`` can
                replay it.
            golden_tolerance: relative and absolute; by the precision of the numbers if left out.
            invariants: ``Range``, ``Monotonic`` and ``Symmetric`` of ``assay.models``, tried when
                the model is verified.
            budget: ``assay.models.Budget``: what a prediction may cost.
            model_card: what the author says of the model, in Markdown.
            options: arguments of this flavor.

        Returns:
            What the model's ``MLmodel`` says.

        Raises:
            AlreadyExists: the folder isn't empty.
            InvalidInput: something given doesn't fit the model or the flavor.
            MissingFramework: the framework isn't installed.
        """
        flavor = flavor_named(self.flavor)
        model, options = _model_of(model, options, flavor.argument)
        if path is None:
            raise InvalidInput("save_model needs the path of a folder to write.")
        extras = Extras(
            signature=signature,
            input_example=input_example,
            pip_requirements=pip_requirements,
            extra_pip_requirements=extra_pip_requirements,
            conda_env=conda_env,
            code_paths=code_paths or (),
            metadata=metadata,
            golden=golden,
            golden_tolerance=golden_tolerance,
            invariants=invariants,
            budget=budget,
            model_card=model_card,
        )
        return save(model, flavor, path, extras=extras, options=options)

    def log_model(
        self,
        model: Any = None,
        artifact_path: str | None = None,
        *,
        name: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        model_type: str | None = None,
        step: int = 0,
        model_id: str | None = None,
        registered_model_name: str | None = None,
        verify_env: bool = False,
        conda_env: Mapping[str, Any] | str | None = None,
        code_paths: Sequence[str | Path] | None = None,
        signature: Signature | bool | None = None,
        input_example: Any = None,
        pip_requirements: Sequence[str] | str | None = None,
        extra_pip_requirements: Sequence[str] | str | None = None,
        metadata: Mapping[str, Any] | None = None,
        golden: bool = True,
        golden_tolerance: tuple[float, float] | None = None,
        invariants: Sequence[Invariant] = (),
        budget: Budget | None = None,
        model_card: str = "",
        **options: Any,
    ) -> Model:
        """Log a model to the active run, if there is one, as a logged model with its own id.

        Args:
            model: the framework's object.
            artifact_path: MLflow's old word for ``name``.
            name: what the model is called in its run; several checkpoints may share one.
            params: params of the model, beside those of its run.
            tags: tags of the model.
            model_type: such as ``classifier``.
            step: at which step of the run it was made.
            model_id: log into this model, made before with ``assay.initialize_logged_model``.
            registered_model_name: register it under this name too, which is made if it is missing.
                A store that is away is warned about.
            verify_env: rebuild the environment from the model's files alone and replay its golden
                predictions there; the outcome becomes tags of the model.
            conda_env: this and the others as of ``save_model``.
            code_paths: see there.
            signature: see there.
            input_example: see there.
            pip_requirements: see there.
            extra_pip_requirements: see there.
            metadata: see there.
            golden: see there.
            golden_tolerance: see there.
            invariants: see there.
            budget: see there.
            model_card: see there; facts of the run are filled in.
            options: arguments of this flavor.

        Returns:
            What the model's ``MLmodel`` says; ``model_uri`` loads it again.

        Raises:
            InvalidInput: something given doesn't fit the model or the flavor.
            MissingFramework: the framework isn't installed.
        """
        flavor = flavor_named(self.flavor)
        model, options = _model_of(model, options, flavor.argument)
        how = Logging(
            name=name or artifact_path or DEFAULT_NAME,
            params=params,
            tags=tags,
            model_type=model_type,
            step=step,
            model_id=model_id,
            registered_model_name=registered_model_name,
            verify_env=verify_env,
        )
        extras = Extras(
            signature=signature,
            input_example=input_example,
            pip_requirements=pip_requirements,
            extra_pip_requirements=extra_pip_requirements,
            conda_env=conda_env,
            code_paths=code_paths or (),
            metadata=metadata,
            golden=golden,
            golden_tolerance=golden_tolerance,
            invariants=invariants,
            budget=budget,
            model_card=model_card,
        )
        return log_with(model, flavor, how, extras=extras, options=options)

    def load_model(
        self,
        model_uri: str | Path,
        dst_path: str | Path | None = None,
        *,
        trust: bool | None = None,
        require_signature: bool | str | Path | None = None,
        **options: Any,
    ) -> Any:
        """The framework's own object.

        Args:
            model_uri: a path, ``models:/<name>/<version or stage>``, ``models:/<name>@<alias>``,
                ``models:/<model id>``, ``runs:/<run id>/<name>``, or the address of the folder.
            dst_path: an existing folder to fetch it into, instead of the cache.
            trust: ``True`` lets code of the model run; ``None``: if this user made it.
            require_signature: as of ``assay.pyfunc.load_model``.
            options: arguments of this flavor.

        Raises:
            UntrustedSignature: it isn't signed as required.
            UnknownFlavor: the model has no such flavor.
            UntrustedModel: loading would run code of others.
            Corrupted: a file isn't what was saved.
            MissingFramework: the framework isn't installed.
        """
        return load_native(
            model_uri,
            self.flavor,
            dst_path=dst_path,
            trust=trust,
            require_signature=require_signature,
            options=options,
        )


def log_model(
    model: Any, name: str = DEFAULT_NAME, *, flavor: str | None = None, **arguments: Any
) -> Model:
    """Log a model of any framework; the flavor is seen from its class unless it is named.

    Arguments are those of ``log_model`` of the flavor, such as ``assay.sklearn.log_model``.

    Raises:
        InvalidInput: no flavor takes it.
    """
    chosen = flavor_named(flavor) if flavor else flavor_of(model)
    return Face(chosen.name).log_model(model, name=name, **arguments)


def _model_of(model: Any, options: dict[str, Any], argument: str) -> tuple[Any, dict[str, Any]]:
    """The model under MLflow's name of it as well, and the options of the flavor."""
    rest = {name: value for name, value in options.items() if name not in _IGNORED}
    if model is None:
        model = rest.pop(argument, None)
    if model is None:
        raise InvalidInput(f"Give the model to keep, as the first argument or as {argument}=.")
    return model, rest
