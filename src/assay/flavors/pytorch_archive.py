"""What loading a ``.pt2`` archive of ``torch.export`` would execute.

Such an archive is meant as plain data, yet ``torch.export.load`` unpickles some of its records,
evaluates its symbolic shapes with SymPy, compiles its guards and names as Python, and calls
whatever attribute of ``torch`` a node names (torch 2.13, ``torch/_export/serde/serialize.py``). So
everything is compared here with what ``torch.export.save`` writes for tensors; what isn't known is
a hazard. Nothing is loaded, and torch isn't needed.
"""

from __future__ import annotations

import ast
import io
import json
import pickletools
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

MAX_TEXT_BYTES: Final = 256 << 20
"""Of one record that is read as a whole: graphs and sample inputs, never weights."""
MAX_EXPRESSION: Final = 10_000
_PLAIN_RECORDS: Final = re.compile(
    r"archive_format|archive_version|byteorder|version|\.data/\w+|\.format_version"
    r"|\.storage_alignment|data/extra/.*"
)
_TENSOR_RECORDS: Final = re.compile(r"data/(weights/weight|constants/tensor)_\d+")
_CONFIG_RECORD: Final = re.compile(r"data/(?:weights|constants)/\w+_config\.json")
_MODEL_RECORD: Final = re.compile(r"models/\w+\.json")
_SAMPLE_RECORD: Final = re.compile(r"data/sample_inputs/\w+\.pt")
_PLAIN_GLOBALS: Final = re.compile(
    r"collections OrderedDict|torch\._utils _rebuild_(tensor_v2|parameter)"
    r"|torch (\w+Storage|Size|device|float\d+|bfloat16|int\d+|uint8|bool|complex\d+)"
)
_OPERATORS: Final = re.compile(
    r"torch\.ops\.(aten|prims)\.(?!__)\w+\.(?!__)\w+"
    r"|torch\.ops\.higher_order\.(cond|while_loop|scan|associative_scan|map_impl|flex_attention"
    r"|wrap_with_set_grad_enabled|wrap_with_autocast)"
    r"|_operator\.(add|sub|mul|floordiv|truediv|mod|pow|neg|pos|eq|ne|lt|le|gt|ge|and_|or_|not_"
    r"|getitem)"
    r"|math\.(?!__)\w+|torch\.sym_\w+|torch\._sym_\w+",
    re.ASCII,
)
_RISKY_OPERATORS: Final = re.compile(r"\.(from_file|save|_print)\.|unsafe(?!_view\b)")
"""Operators that open files, or leave out the checks of their arguments."""
_NAME: Final = re.compile(r"(\w+(\.\w+)*)?", re.ASCII)
_PLAIN_TEXT: Final = re.compile(r"[\w .,:+<>*-]{0,300}", re.ASCII)
_TEXT_KEYS: Final = frozenset({"as_string", "as_strings", "type", "torch_version"})
"""Where ``_PLAIN_TEXT`` may stand: what operators take (``ij,jk->ik``), devices, the version."""
_DIMENSION: Final = re.compile(r"[a-z]{1,3}\d+", re.ASCII)
_SYMBOLIC: Final = re.compile(
    "Symbol|Integer|Float|Rational|Add|Mul|Pow|Mod|PythonMod|FloorDiv|CleanDiv|CeilDiv|CeilToInt"
    "|FloorToInt|TruncToInt|TruncToFloat|RoundToInt|ToFloat|IntTrueDiv|FloatTrueDiv|ModularIndexing"
    "|Max|Min|max|min|Where|And|Or|Not|Eq|Ne|Lt|Le|Gt|Ge|Equality|Unequality|StrictLessThan"
    "|LessThan|StrictGreaterThan|GreaterThan|Identity|true|false|int_oo|L"
)
"""Names in symbolic shapes, as SymPy and torch print them."""
_SYNTAX: Final = (
    ast.Expression, ast.Call, ast.keyword, ast.Name, ast.Load, ast.Constant, ast.BinOp, ast.UnaryOp,
    ast.BoolOp, ast.Compare, ast.Subscript, ast.operator, ast.unaryop, ast.boolop, ast.cmpop,
)  # fmt: skip
_TENSOR_METHODS: Final = frozenset({"size", "stride", "storage_offset"})
"""What guards ask of inputs, as in ``L['x'].size()[0] >= 2``."""
_TREE_TYPES: Final = frozenset(
    {None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict"}
)


def archive_hazards(path: Path) -> list[str]:
    """What loading the archive would execute beyond operators on tensors; one phrase each."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = list(dict.fromkeys(_archive(archive)))
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError) as error:
        found = [f"it can't be looked into ({error})"]
    return [f"{path.name}: {one}" for one in found[:5]]


def small_records(path: Path) -> dict[str, bytes]:
    """The records that aren't bare tensors, without the folder that all are in."""
    with zipfile.ZipFile(path) as archive:
        names = [one for one in archive.namelist() if not one.endswith("/")]
        inner = {name.partition("/")[2]: name for name in names}
        return {
            name: archive.read(full)
            for name, full in inner.items()
            if not _TENSOR_RECORDS.fullmatch(name)
        }


def _archive(archive: zipfile.ZipFile) -> Iterator[str]:
    names = [info.filename for info in archive.infolist()]
    if len(set(names)) != len(names) or len({name.partition("/")[0] for name in names}) != 1:
        yield "its records aren't as torch.export.save lays them out"
    for info in archive.infolist():
        name = info.filename.partition("/")[2]
        if _TENSOR_RECORDS.fullmatch(name) or _PLAIN_RECORDS.fullmatch(name):
            continue
        if info.file_size > MAX_TEXT_BYTES:
            yield f"the record {name} is too large to be looked into"
        elif _CONFIG_RECORD.fullmatch(name):
            yield from _config(_parsed(archive.read(info)), name)
        elif _MODEL_RECORD.fullmatch(name):
            yield from _model(_parsed(archive.read(info)))
        elif _SAMPLE_RECORD.fullmatch(name):
            yield from _sample(archive.read(info), name)
        else:
            yield f"the record {name} may be compiled code or a pickle"


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise zipfile.BadZipFile(f"a record is no JSON ({error})") from None


def _config(content: Any, name: str) -> Iterator[str]:
    """Payloads: each a record of bare numbers, and none a pickle."""
    folder = name.rpartition("/")[0]
    entries: Any = content.get("config") if isinstance(content, dict) else None
    for entry in entries.values() if isinstance(entries, dict) else [{}]:
        place = entry.get("path_name") if isinstance(entry, dict) else None
        if not isinstance(place, str) or not _TENSOR_RECORDS.fullmatch(f"{folder}/{place}"):
            yield f"{name} names {place!r}, which is unpickled"
        elif entry.get("use_pickle") is not False:
            yield f"the tensor {place} is a pickle"
    if not isinstance(entries, dict):
        return
    for _, text in _entries(list(entries.values())):
        if not _NAME.fullmatch(text):
            yield f"{name} holds the text {text[:80]!r} in place of a name"


def _sample(content: bytes, name: str) -> Iterator[str]:
    """Sample inputs: torch unpickles them, freely if its restricted way fails."""
    if not content:
        return
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as inner:
            names = [one.partition("/")[2] for one in inner.namelist()]
            plain = all(
                one == "data.pkl" or re.fullmatch(r"data/\d+", one) or _PLAIN_RECORDS.fullmatch(one)
                for one in names
            )
            pickles = [one for one in inner.namelist() if one.endswith("data.pkl")]
            if not plain or len(pickles) != 1 or len(set(names)) != len(names):
                yield f"{name} isn't as torch.save writes it"
                return
            strange = sorted(_strange_globals(inner.read(pickles[0])))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError, EOFError):
        yield f"{name} is a pickle that can't be looked into"
        return
    if strange:
        yield f"{name} is a pickle that calls {', '.join(strange[:3])}"


def _strange_globals(content: bytes) -> Iterator[str]:
    for opcode, argument, _ in pickletools.genops(content):
        if opcode.name == "GLOBAL":
            if not _PLAIN_GLOBALS.fullmatch(str(argument)):
                yield str(argument).replace(" ", ".")
        elif opcode.name in ("STACK_GLOBAL", "INST", "OBJ", "NEWOBJ_EX", "EXT1", "EXT2", "EXT4"):
            yield f"something by {opcode.name}"


def _model(content: Any) -> Iterator[str]:
    """The graph: operators on tensors, plain names, and shapes that are arithmetic."""
    for key, text in _entries(content):
        if key == "target":
            if not _OPERATORS.fullmatch(text) or _RISKY_OPERATORS.search(text):
                yield f"its graph calls {text[:80]!r}"
        elif key in ("expr_str", "guards_code"):
            if not _is_arithmetic(text):
                yield f"it evaluates {text[:80]!r}"
        elif key in ("in_spec", "out_spec"):
            if not _is_plain_tree(text):
                yield f"its inputs or outputs have the form {text[:80]!r}"
        elif not (_NAME.fullmatch(text) or (key in _TEXT_KEYS and _PLAIN_TEXT.fullmatch(text))):
            yield f"it holds the text {text[:80]!r} in place of a name"


def _entries(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """All texts with the key that leads to them; keys are texts themselves."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield "", name
            yield from _entries(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _entries(_without_origin(inner) if key == "nodes" else inner, key)


def _without_origin(node: Any) -> Any:
    """A node without what tells where it comes from, which is shown and never run.

    Only of nodes: elsewhere an entry of this name would be a tensor's.
    """
    if isinstance(node, dict):
        return {name: value for name, value in node.items() if name != "metadata"}
    return node


def _is_plain_tree(text: str) -> bool:
    try:
        return _is_tree(json.loads(text)[1])
    except (ValueError, LookupError, TypeError, RecursionError):
        return False


def _is_tree(node: Any) -> bool:
    context = node["context"]
    keys = json.loads(context) if isinstance(context, str) else None
    named = keys is None or (
        isinstance(keys, list) and all(isinstance(k, str) and _NAME.fullmatch(k) for k in keys)
    )
    return node["type"] in _TREE_TYPES and named and all(map(_is_tree, node["children_spec"]))


def _is_arithmetic(text: str) -> bool:
    """Whether Python would see nothing but numbers, dimensions and functions known to be pure."""
    if len(text) > MAX_EXPRESSION or not text.isascii() or set('#\\\n\r;"') & set(text):
        return False
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return all(_is_arithmetic_node(node) for node in ast.walk(tree))


def _is_arithmetic_node(node: ast.AST) -> bool:
    if isinstance(node, ast.Name):
        return bool(_SYMBOLIC.fullmatch(node.id) or _DIMENSION.fullmatch(node.id))
    if isinstance(node, ast.Constant):
        text = node.value
        return isinstance(text, int | float) or (
            isinstance(text, str) and _NAME.fullmatch(text) is not None
        )
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute):
            return function.attr in _TENSOR_METHODS and not node.keywords
        return isinstance(function, ast.Name) and bool(_SYMBOLIC.fullmatch(function.id))
    if isinstance(node, ast.Attribute):
        return node.attr in _TENSOR_METHODS
    if isinstance(node, ast.keyword):
        return node.arg is not None
    return isinstance(node, _SYNTAX)
