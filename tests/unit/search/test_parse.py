"""The grammar: what is accepted, what it means, and where a mistake is pointed at."""

from __future__ import annotations

import pytest

from assay.errors import InvalidFilter
from assay.search import (
    EXPERIMENTS,
    LOGGED_MODELS,
    MODEL_VERSIONS,
    REGISTERED_MODELS,
    RUNS,
    Vocabulary,
    parse_filter,
    parse_order_by,
)
from assay.search.tree import (
    And,
    Comparator,
    Comparison,
    Field,
    FieldKind,
    Figure,
    Moment,
    Node,
    Not,
    Or,
    OrderTerm,
)

EQ, GT = Comparator.EQ, Comparator.GT


def attribute(key: str) -> Field:
    return Field(FieldKind.ATTRIBUTE, key)


@pytest.mark.parametrize(
    ("prefix", "kind"),
    [
        ("metric", "metric"), ("metrics", "metric"), ("param", "param"), ("params", "param"),
        ("parameter", "param"), ("parameters", "param"), ("tag", "tag"), ("tags", "tag"),
    ],
)  # fmt: skip
def test_every_prefix_of_mlflow_names_its_kind(prefix: str, kind: str) -> None:
    value = "1" if kind == "metric" else "'1'"
    tree = parse_filter(f"{prefix}.x = {value}", RUNS)
    assert isinstance(tree, Comparison)
    assert tree.field == Field(FieldKind(kind), "x")


@pytest.mark.parametrize("prefix", ["attr.", "attribute.", "attributes.", "run.", ""])
def test_attributes_of_runs_have_four_prefixes_or_none(prefix: str) -> None:
    tree = parse_filter(f"{prefix}status = 'FAILED'", RUNS)
    assert tree == Comparison(attribute("status"), EQ, "FAILED")


@pytest.mark.parametrize(
    ("text", "vocabulary"),
    [
        ("attribute.name = 'x'", EXPERIMENTS),
        ("attributes.name = 'x'", LOGGED_MODELS),
        ("tag.a = 'x'", EXPERIMENTS),
        ("metrics.a > 1", LOGGED_MODELS),
        ("attribute.name = 'x'", REGISTERED_MODELS),
        ("tags.a = 'x'", MODEL_VERSIONS),
    ],
)
def test_an_entity_takes_its_own_prefixes(text: str, vocabulary: Vocabulary) -> None:
    parse_filter(text, vocabulary)


@pytest.mark.parametrize(
    ("text", "vocabulary"),
    [
        ("attributes.name = 'x'", EXPERIMENTS),
        ("metrics.a > 1", EXPERIMENTS),
        ("attribute.name = 'x'", LOGGED_MODELS),
        ("param.a = 'x'", LOGGED_MODELS),
        ("model.a = 'x'", RUNS),
        ("metrics.a > 1", MODEL_VERSIONS),
    ],
)
def test_prefixes_of_other_entities_are_refused(text: str, vocabulary: Vocabulary) -> None:
    with pytest.raises(InvalidFilter, match="unknown prefix") as error:
        parse_filter(text, vocabulary)
    assert error.value.position == 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.`a b.c` > 1", Comparison(Field(FieldKind.METRIC, "a b.c"), GT, 1.0)),
        ('metrics."a b.c" > 1', Comparison(Field(FieldKind.METRIC, "a b.c"), GT, 1.0)),
        ("metrics.val/acc > -1e-3", Comparison(Field(FieldKind.METRIC, "val/acc"), GT, -1e-3)),
        ("metrics.a>.5", Comparison(Field(FieldKind.METRIC, "a"), GT, 0.5)),
        ('tags.mlflow.user = "it\'s"', Comparison(Field(FieldKind.TAG, "mlflow.user"), EQ, "it's")),
        ("tags.x = 'it''s'", Comparison(Field(FieldKind.TAG, "x"), EQ, "it's")),
        (r"tags.x = 'C:\'", Comparison(Field(FieldKind.TAG, "x"), EQ, "C:\\")),
        ("params.lr < 0.1", Comparison(Field(FieldKind.PARAM, "lr"), Comparator.LT, 0.1)),
        ("params.x is not null", Comparison(Field(FieldKind.PARAM, "x"), Comparator.IS_NOT_NULL)),
        ("run_id In ('a', \"b\",)", Comparison(attribute("run_id"), Comparator.IN, ("a", "b"))),
        ("`Run Name` = 'x'", Comparison(attribute("run_name"), EQ, "x")),
        ("created > 5", Comparison(attribute("start_time"), GT, 5)),
        ("start_time > now - 7d", Comparison(attribute("start_time"), GT, Moment(-604_800_000))),
        ("start_time > NOW", Comparison(attribute("start_time"), GT, Moment(0))),
        ("start_time > '1970-01-02'", Comparison(attribute("start_time"), GT, 86_400_000)),
        ("end_time > '1970-01-01T01:00:00+01:00'", Comparison(attribute("end_time"), GT, 0)),
        ("duration > 1.5h", Comparison(attribute("duration"), GT, 5_400_000)),
        ("duration > 10", Comparison(attribute("duration"), GT, 10)),
        ("start_time > 99999999999999999999", Comparison(attribute("start_time"), GT, 1e20)),
    ],
)
def test_a_comparison_means(text: str, expected: Node) -> None:
    assert parse_filter(text, RUNS) == expected


def test_the_last_name_behind_a_dot_may_be_a_figure() -> None:
    def field(text: str) -> Field:
        tree = parse_filter(f"{text} > 1", RUNS)
        assert isinstance(tree, Comparison)
        return tree.field

    assert field("metrics.loss.min") == Field(FieldKind.METRIC, "loss", Figure.MIN, dotted=True)
    assert field("metrics.`loss`.min") == Field(FieldKind.METRIC, "loss", Figure.MIN)
    assert field("metrics.`loss.min`") == Field(FieldKind.METRIC, "loss.min")
    assert field("metrics.min") == Field(FieldKind.METRIC, "min")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metrics.a.mean_last:10", Field(FieldKind.METRIC, "a", Figure.MEAN_LAST, 10, dotted=True)),
        ("metrics.`a`.at_step:-5", Field(FieldKind.METRIC, "a", Figure.AT_STEP, -5)),
        ("metrics.`a.at_step:1`", Field(FieldKind.METRIC, "a.at_step:1")),
        ("metrics.a.at_step", Field(FieldKind.METRIC, "a.at_step")),
        ("metrics.a.at_step:x", Field(FieldKind.METRIC, "a.at_step:x")),
        ("metrics.at_step:1", Field(FieldKind.METRIC, "at_step:1")),
    ],
)
def test_figures_of_points_take_a_number(text: str, expected: Field) -> None:
    assert parse_order_by([text], RUNS)[0].field == expected


@pytest.mark.parametrize(
    ("text", "position", "why"),
    [
        ("metrics.a.mean_last:0 > 1", 10, "within 1 and 10,000"),
        ("metrics.`a`.mean_last:-1 > 1", 12, "within 1 and 10,000"),
        (f"metrics.a.at_step:{2**63} > 1", 10, "64 bits"),
        ("metrics.`a`.at_step > 1", 12, "at_step:N"),
    ],
)
def test_numbers_of_figures_are_in_range(text: str, position: int, why: str) -> None:
    with pytest.raises(InvalidFilter, match=why) as caught:
        parse_filter(text, RUNS)
    assert caught.value.position == position


def test_models_have_no_figures_of_points() -> None:
    tree = parse_filter("metrics.a.at_step:1 > 1", LOGGED_MODELS)
    assert tree == Comparison(Field(FieldKind.METRIC, "a.at_step:1"), GT, 1.0)


def test_not_binds_tighter_than_and_and_that_tighter_than_or() -> None:
    a, b, c = (Comparison(Field(FieldKind.METRIC, key), GT, 1.0) for key in "abc")
    text = "not metrics.a > 1 and metrics.b > 1 or metrics.c > 1"
    assert parse_filter(text, RUNS) == Or((And((Not(a), b)), c))
    text = "not (metrics.a > 1 and (metrics.b > 1 or metrics.c > 1))"
    assert parse_filter(text, RUNS) == Not(And((a, Or((b, c)))))


@pytest.mark.parametrize("text", ["", "   ", "\n"])
def test_an_empty_filter_matches_everything(text: str) -> None:
    assert parse_filter(text, RUNS) == And(())


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("metrics.a > 1 metrics.b > 2", 14),
        ("metrics.a > 'x'", 12),
        ("metrics.a LIKE 'x'", 15),
        ("metrics.a > 1x", 13),
        ("metrics. > 1", 8),
        ("metrics.`` > 1", 8),
        ("params.a > 'x'", 9),
        ("params.a IN ('x')", 9),
        ("tags.a = 5", 9),
        ("status IN ('RUNNING')", 7),
        ("metrics.a IS NULL", 10),
        ("nothing = 'x'", 0),
        ("datasets.size = 'x'", 9),
        ("status == 'x'", 7),
        ("status = 'x", 9),
        ("status = x", 9),
        ("(status = 'x'", 13),
        ("status = 'x')", 12),
        ("status = 'x' and", 16),
        ("run_id IN ()", 10),
        ("run_id NOT 'x'", 11),
        ("start_time > 'yesterday'", 13),
        ("start_time > now - 7", 20),
        ("tags.a LIKE 'x!' ESCAPE '!'", 12),
        ("tags.a = '\0'", 10),
        ("tags.a = '\ud800'", 10),
        ("status = 'x'; drop table runs", 12),
    ],
)
def test_a_mistake_is_pointed_at(text: str, position: int) -> None:
    with pytest.raises(InvalidFilter) as error:
        parse_filter(text, RUNS)
    assert error.value.position == position


@pytest.mark.parametrize(
    "text",
    [
        "status = '" + "x" * 70_000 + "'",
        " and ".join(["metrics.a > 1"] * 257),
        "(" * 65 + "metrics.a > 1" + ")" * 65,
        "(" * 60_000,
        "not " * 15_000,
        "tags.a LIKE '" + "%" * 1_001 + "'",
        "metrics.a > 1" + "0" * 60_000 + "x",
    ],
)
def test_a_filter_beyond_the_limits_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter):
        parse_filter(text, RUNS)


def test_filters_at_the_limits_are_accepted() -> None:
    parse_filter(" and ".join(["metrics.a > 1"] * 256), RUNS)
    parse_filter("(" * 64 + "metrics.a > 1" + ")" * 64, RUNS)


def test_a_bare_number_for_a_param_of_a_logged_model_is_its_text() -> None:
    tree = parse_filter("params.lr = 0.10", LOGGED_MODELS)
    assert tree == Comparison(Field(FieldKind.PARAM, "lr"), EQ, "0.10")


def test_the_status_of_a_logged_model_has_a_short_form() -> None:
    tree = parse_filter("status IN ('READY', 'LOGGED_MODEL_PENDING')", LOGGED_MODELS)
    assert isinstance(tree, Comparison)
    assert tree.value == ("LOGGED_MODEL_READY", "LOGGED_MODEL_PENDING")


def test_an_order_reads_fields_and_directions() -> None:
    assert parse_order_by(["metrics.x DESC", "params.`a b` asc", "created"], RUNS) == (
        OrderTerm(Field(FieldKind.METRIC, "x"), descending=True),
        OrderTerm(Field(FieldKind.PARAM, "a b")),
        OrderTerm(attribute("start_time")),
    )


@pytest.mark.parametrize(
    "terms",
    [
        ["metrics.x", "metrics.x DESC"],
        ["start_time", "attribute.Created DESC"],
        ["metrics.x sideways"],
        ["metrics.x DESC DESC"],
        ["datasets.name"],
        [""],
        ["metrics." + "x" * 2_000],
        [f"metrics.x{i}" for i in range(33)],
    ],
)
def test_an_order_that_is_ambiguous_or_wrong_is_refused(terms: list[str]) -> None:
    with pytest.raises(InvalidFilter):
        parse_order_by(terms, RUNS)


def test_experiments_are_not_ordered_by_tags() -> None:
    with pytest.raises(InvalidFilter, match="can't be ordered"):
        parse_order_by(["tags.x"], EXPERIMENTS)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("version_number = '12'", Comparison(attribute("version_number"), EQ, 12)),
        ("version = 12", Comparison(attribute("version_number"), EQ, 12)),
        ("stage = 'production'", Comparison(attribute("current_stage"), EQ, "Production")),
        ("current_stage = 'Eigene'", Comparison(attribute("current_stage"), EQ, "Eigene")),
        ("alias is null", Comparison(attribute("alias"), Comparator.IS_NULL)),
    ],
)
def test_versions_have_numbers_stages_and_aliases(text: str, expected: Comparison) -> None:
    assert parse_filter(text, MODEL_VERSIONS) == expected


@pytest.mark.parametrize("text", ["'two'", "''", "'1.5'", "'9999999999999999999'", "'1 or 1'"])
def test_quoted_version_that_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(InvalidFilter, match="expected a number"):
        parse_filter(f"version_number = {text}", MODEL_VERSIONS)


def test_nothing_is_ordered_by_what_there_may_be_several_of() -> None:
    for vocabulary in (REGISTERED_MODELS, MODEL_VERSIONS):
        with pytest.raises(InvalidFilter, match="can't be ordered by 'alias'"):
            parse_order_by(["alias DESC"], vocabulary)
