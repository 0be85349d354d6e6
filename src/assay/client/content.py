"""Content: how Python objects become files, and files become objects again.

JSON, YAML, pictures and figures. The libraries are the ones the object came from, so they are there
already; what needs another one says which extra brings it.
"""

from __future__ import annotations

import io
import json
import re
import uuid
from pathlib import PurePosixPath
from typing import Any

import msgspec

from assay.errors import InvalidInput, MissingExtra

_YAML_ENDINGS = {".yaml", ".yml"}


def dict_content(dictionary: Any, artifact_file: str) -> bytes:
    """``dictionary`` as YAML if the name ends so, else as indented JSON, as MLflow's
    ``log_dict``.
    """
    text = json.dumps(dictionary, indent=2, default=str, ensure_ascii=False)
    if PurePosixPath(artifact_file).suffix.lower() in _YAML_ENDINGS:
        try:
            import yaml
        except ImportError:
            # JSON is a subset of YAML: any reader takes it, only people would like it laid out
            # better.
            return (text + "\n").encode()
        plain = json.loads(text)
        return bytes(yaml.safe_dump(plain, indent=2, allow_unicode=True, encoding="utf-8"))
    return text.encode()


def read_dict(content: bytes, artifact_file: str) -> Any:
    """What ``dict_content`` wrote, or any other JSON or YAML file.

    Raises:
        InvalidInput: it is neither.
    """
    try:
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        if PurePosixPath(artifact_file).suffix.lower() not in _YAML_ENDINGS:
            raise InvalidInput(f"The artifact {artifact_file!r} holds no JSON.") from None
    try:
        import yaml
    except ImportError:
        raise MissingExtra("pyyaml", extra="all", purpose="Reading YAML artifacts") from None
    try:
        return yaml.safe_load(content)
    except yaml.YAMLError as error:
        raise InvalidInput(f"The artifact {artifact_file!r} holds no YAML: {error}") from None


def is_matplotlib_figure(thing: object) -> bool:
    """Whether this is a matplotlib figure; imports nothing."""
    return _is_kind(thing, "matplotlib.figure", "FigureBase")


def is_plotly_figure(thing: object) -> bool:
    """Whether this is a plotly figure; imports nothing."""
    return _is_kind(thing, "plotly.basedatatypes", "BaseFigure")


def is_pillow_image(thing: object) -> bool:
    """Whether this is a Pillow image; imports nothing."""
    return _is_kind(thing, "PIL.Image", "Image")


def is_array(thing: object) -> bool:
    """Whether this is a NumPy array; imports nothing."""
    return _is_kind(thing, "numpy", "ndarray")


def is_frame(thing: object) -> bool:
    """Whether this is a pandas or Polars DataFrame; imports nothing."""
    return any(
        base.__name__ == "DataFrame" and base.__module__.split(".")[0] in ("pandas", "polars")
        for base in type(thing).__mro__
    )


def _is_kind(thing: object, module: str, name: str) -> bool:
    return any(base.__name__ == name and base.__module__ == module for base in type(thing).__mro__)


def figure_content(
    figure: object, artifact_file: str, save_kwargs: dict[str, Any] | None = None
) -> bytes:
    """A matplotlib or plotly figure in the format that the name's ending asks for.

    Raises:
        InvalidInput: another kind of object, or an ending that a plotly figure can't be saved as.
    """
    ending = PurePosixPath(artifact_file).suffix.lower().lstrip(".")
    options = dict(save_kwargs or {})
    # Any: the figure's class belongs to a library that is not imported here.
    drawing: Any = figure
    if is_matplotlib_figure(figure):
        buffer = io.BytesIO()
        drawing.savefig(buffer, format=ending or "png", **options)
        return buffer.getvalue()
    if is_plotly_figure(figure):
        if ending == "html":
            options.setdefault("include_plotlyjs", "cdn")
            options.setdefault("auto_open", False)
            options.pop("auto_open")
            return str(drawing.to_html(**options)).encode()
        if ending == "json":
            return str(drawing.to_json()).encode()
        if ending in ("png", "jpeg", "jpg", "webp", "svg", "pdf"):
            return bytes(drawing.to_image(format=ending, **options))
        raise InvalidInput(
            f"A plotly figure can't be saved as {artifact_file!r}: end the name with .html, .json,"
            " .png, .jpeg, .webp, .svg or .pdf."
        )
    raise InvalidInput(
        f"log_figure takes matplotlib and plotly figures, not {type(figure).__name__}."
    )


def pillow_image(image: object) -> Any:
    """``image`` as a Pillow image: one already, an ``Image``, or an array of pixels.

    Arrays are (height, width) or (height, width, 1, 3 or 4), of bools, integers in [0, 255] or
    floats in [0, 1], as MLflow's ``log_image`` takes them.

    Raises:
        InvalidInput: an array of other shape, type or range, or another kind of object.
        MissingExtra: without Pillow.
    """
    try:
        from PIL import Image as pil  # noqa: N813 - a module that is named like its class
    except ImportError:
        raise MissingExtra("pillow", extra="plots", purpose="Logging images") from None
    if isinstance(image, Image):
        image = image.to_pil()
    if is_pillow_image(image):
        return image
    if not is_array(image):
        raise InvalidInput(
            "An image must be an array, a Pillow image or an assay.Image,"
            f" not {type(image).__name__}."
        )
    return pil.fromarray(_pixels(image))


def _pixels(image: Any) -> Any:
    import numpy as np

    if image.ndim == 3 and image.shape[2] == 1:
        image = image[:, :, 0]
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] not in (3, 4)):
        raise InvalidInput(
            f"An image array has the shape (height, width), (height, width, 1), (height, width, 3)"
            f" or (height, width, 4), not {image.shape}."
        )
    kind = image.dtype.kind
    if kind == "b":
        return image.astype(np.uint8) * 255
    if kind not in "iuf":
        raise InvalidInput(f"An image array can't have the type {image.dtype}.")
    top = 1 if kind == "f" else 255
    if image.size and not (image.min() >= 0 and image.max() <= top):
        raise InvalidInput(
            f"The values of an image array of type {image.dtype} must lie in [0, {top}]."
        )
    return (image * 255).round().astype(np.uint8) if kind == "f" else image.astype(np.uint8)


def image_content(image: object, artifact_file: str) -> bytes:
    """``image`` in the format that the name's ending asks for; PNG without one."""
    picture = pillow_image(image)
    ending = PurePosixPath(artifact_file).suffix.lower()
    from PIL import Image as pil  # noqa: N813 - a module that is named like its class

    pil.init()
    file_format = pil.EXTENSION.get(ending, "PNG")
    if file_format == "JPEG" and picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    buffer = io.BytesIO()
    picture.save(buffer, format=file_format)
    return buffer.getvalue()


def thumbnail_content(image: object, *, size: int = 256) -> bytes:
    """``image`` as a WebP picture of at most ``size`` pixels a side, for galleries."""
    picture = pillow_image(image).copy()
    picture.thumbnail((size, size))
    buffer = io.BytesIO()
    picture.save(buffer, format="WEBP")
    return buffer.getvalue()


class Image:
    """A picture to log or to put into the cells of a table.

    Made of an array of pixels, a Pillow image, nested lists of pixels, or the path of a picture
    file.
    """

    def __init__(self, image: object) -> None:
        if isinstance(image, str):
            try:
                from PIL import Image as pil  # noqa: N813 - a module that is named like its class
            except ImportError:
                raise MissingExtra("pillow", extra="plots", purpose="Logging images") from None
            with pil.open(image) as opened:
                opened.load()
                image = opened.copy()
        elif isinstance(image, list):
            import numpy as np

            image = np.array(image)
        self._picture = pillow_image(image)

    def to_pil(self) -> Any:
        """The Pillow image."""
        return self._picture

    def to_array(self) -> Any:
        """The pixels as an array."""
        import numpy as np

        return np.array(self._picture)

    def to_list(self) -> list[Any]:
        """The pixels as nested lists."""
        pixels: list[Any] = self.to_array().tolist()
        return pixels

    def save(self, path: str) -> None:
        """Write a picture file."""
        self._picture.save(path)

    def resize(self, size: tuple[int, int]) -> Image:
        """A copy of another (width, height)."""
        return Image(self._picture.resize(size))


_IMAGE_KEY = re.compile(r"[\w\-./ ]+\Z")


def keyed_image_path(key: str, *, step: int, timestamp: int) -> str:
    """Where a picture logged by key lies, without its ending: the form that MLflow's pages read.

    Raises:
        InvalidInput: the key has characters that can't stand in a file name.
    """
    if not _IMAGE_KEY.match(key):
        raise InvalidInput(
            f"Invalid image key {key!r}: only letters, digits, '_', '-', '.', ' ' and '/' can"
            " stand there."
        )
    name = key.replace("/", "~")
    return f"images/{name}+step+{step}+timestamp+{timestamp}+{uuid.uuid4()}"
