"""The store contract: lineage, from data sets to deployments and back."""

# ruff: noqa: D102 - the names of tests say it all
from __future__ import annotations

from typing import NamedTuple

import pytest

from assay import errors
from assay.entities.datasets import Dataset, DatasetInput
from assay.entities.experiments import Experiment
from assay.entities.governance import Deployment, Direction, Lineage, NodeKind
from assay.entities.ids import ExperimentId, ModelId, RunId, new_model_id
from assay.entities.logged_models import (
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    NewLoggedModel,
)
from assay.entities.model_versions import NewModelVersion
from assay.entities.runs import Run
from assay.entities.tags import GIT_BRANCH, GIT_COMMIT, GIT_DIRTY, Tag
from assay.store.base import Store
from assay.store.user import local_cause
from assay.testing.store_contract_base import AWKWARD, HALF_A_PAIR, ContractPart, start
from assay.testing.store_contract_deployments import deployed, registered


class Story(NamedTuple):
    """A data set, the run that used it, its model, the version of that, its copy, and where the
    version runs.
    """

    run_id: RunId
    model_id: ModelId
    deployment: Deployment

    @property
    def nodes(self) -> set[str]:
        return {
            "dataset:iris@d1",
            f"run:{self.run_id}",
            f"logged_model:{self.model_id}",
            "model_version:digits/1",
            "model_version:copied/1",
            f"deployment:{self.deployment.deployment_id}",
        }

    @property
    def edges(self) -> set[tuple[str, str, str]]:
        run, model = f"run:{self.run_id}", f"logged_model:{self.model_id}"
        version = "model_version:digits/1"
        return {
            ("dataset:iris@d1", run, "used"),
            (run, model, "made"),
            (model, version, "registered as"),
            (version, "model_version:copied/1", "copied to"),
            (version, f"deployment:{self.deployment.deployment_id}", "deployed as"),
        }


def use(store: Store, run_id: RunId, name: str = "iris", digest: str = "d1") -> None:
    """Let a run use a data set."""
    dataset = Dataset(name, digest, "local", "{}")
    store.inputs.log_inputs(run_id, datasets=[DatasetInput(dataset)])


def make_model(store: Store, run: Run, name: str = "net") -> ModelId:
    """A logged model that a run made."""
    model_id = new_model_id()
    store.logged_models.create(
        NewLoggedModel(
            model_id=model_id,
            experiment_id=run.info.experiment_id,
            name=name,
            source_run_id=run.info.run_id,
        )
    )
    store.inputs.log_outputs(run.info.run_id, [LoggedModelOutput(model_id)])
    store.logged_models.finalize(model_id, LoggedModelStatus.READY)
    return model_id


def register(store: Store, name: str, source: str) -> None:
    """A version of a new model."""
    store.registered_models.create(name, cause=local_cause())
    store.model_versions.create(NewModelVersion(name=name, source=source), cause=local_cause())


def tell(store: Store, run: Run) -> Story:
    """Make all of it."""
    use(store, run.info.run_id)
    model_id = make_model(store, run)
    register(store, "digits", f"models:/{model_id}")
    register(store, "copied", "models:/digits/1")
    return Story(run.info.run_id, model_id, deployed(store))


def names(graph: Lineage) -> set[str]:
    """Its nodes as edges name them."""
    return {f"{node.kind.value}:{node.id}" for node in graph.nodes}


def edges(graph: Lineage) -> set[tuple[str, str, str]]:
    """Its edges as plain triples."""
    return {(edge.source, edge.target, edge.relation) for edge in graph.edges}


class LineageContract(ContractPart):
    """What came of what."""

    def test_version_is_followed_both_ways(self, store: Store, run: Run) -> None:
        story = tell(store, run)
        graph = store.lineage.graph(NodeKind.VERSION, "digits/1")
        assert graph.start == "model_version:digits/1"
        assert names(graph) == story.nodes
        assert edges(graph) == story.edges
        assert len(graph.nodes) == len(story.nodes)
        assert len(graph.edges) == len(story.edges)
        assert not graph.truncated

    def test_everything_is_downstream_of_the_data_set(self, store: Store, run: Run) -> None:
        story = tell(store, run)
        for ident in ("d1", "iris@d1"):
            graph = store.lineage.graph(NodeKind.DATASET, ident, direction=Direction.DOWNSTREAM)
            assert graph.start == "dataset:iris@d1"
            assert (names(graph), edges(graph)) == (story.nodes, story.edges)

    def test_everything_but_the_copy_is_upstream_of_the_deployment(
        self, store: Store, run: Run
    ) -> None:
        story = tell(store, run)
        ident = story.deployment.deployment_id
        graph = store.lineage.graph(NodeKind.DEPLOYMENT, ident, direction=Direction.UPSTREAM)
        assert names(graph) == story.nodes - {"model_version:copied/1"}

    @pytest.mark.parametrize(
        ("direction", "expected"),
        [
            (Direction.UPSTREAM, {"dataset:iris@d1"}),
            (
                Direction.DOWNSTREAM,
                {"model_version:digits/1", "model_version:copied/1"},
            ),
        ],
    )
    def test_run_and_model_are_starting_points(
        self, store: Store, run: Run, direction: Direction, expected: set[str]
    ) -> None:
        story = tell(store, run)
        run_graph = store.lineage.graph(NodeKind.RUN, story.run_id, direction=direction)
        model_graph = store.lineage.graph(
            NodeKind.LOGGED_MODEL, story.model_id, direction=direction
        )
        assert expected <= names(run_graph)
        assert expected <= names(model_graph)

    def test_both_ways_do_not_lead_to_what_else_came_of_an_ancestor(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        story = tell(store, run)
        other = start(store, experiment.experiment_id)
        use(store, other.info.run_id)
        graph = store.lineage.graph(NodeKind.VERSION, "digits/1")
        assert names(graph) == story.nodes
        downstream = store.lineage.graph(NodeKind.DATASET, "d1")
        assert f"run:{other.info.run_id}" in names(downstream)

    def test_facts_tell_what_the_nodes_are(self, store: Store, run: Run) -> None:
        source = [Tag(GIT_COMMIT, "c0ffee"), Tag(GIT_BRANCH, "main"), Tag(GIT_DIRTY, "true")]
        store.runs.log_batch(run.info.run_id, tags=source)
        story = tell(store, run)
        store.model_versions.transition("digits", 1, "Staging", cause=local_cause())
        store.registered_models.set_alias("digits", "champion", 1, cause=local_cause())
        store.deployments.end(story.deployment.deployment_id, cause=local_cause())
        graph = store.lineage.graph(NodeKind.VERSION, "digits/1")
        facts = {
            node.kind: (node.label, node.facts) for node in graph.nodes if node.id != "copied/1"
        }
        label, of_run = facts[NodeKind.RUN]
        assert label == run.info.run_name
        assert of_run["commit"] == "c0ffee"
        assert of_run["branch"] == "main"
        assert of_run["patch"] == "assay/source.patch"
        assert of_run["experiment"] == "given"
        assert "deleted" not in of_run
        of_version = facts[NodeKind.VERSION][1]
        assert (of_version["stage"], of_version["aliases"]) == ("Staging", ["champion"])
        assert facts[NodeKind.LOGGED_MODEL][0] == "net"
        assert facts[NodeKind.DATASET][1]["digest"] == "d1"
        of_deployment = facts[NodeKind.DEPLOYMENT][1]
        assert of_deployment["target"] == "kubernetes"
        assert of_deployment["ended_time"] > 0

    def test_clean_run_has_no_patch(self, store: Store, run: Run) -> None:
        store.runs.log_batch(run.info.run_id, tags=[Tag(GIT_DIRTY, "false")])
        graph = store.lineage.graph(NodeKind.RUN, run.info.run_id)
        assert "patch" not in graph.nodes[0].facts

    def test_data_set_of_several_experiments_is_one_node(self, store: Store, run: Run) -> None:
        other = start(store, ExperimentId("0"))
        for ident in (run.info.run_id, other.info.run_id):
            use(store, ident)
        graph = store.lineage.graph(NodeKind.DATASET, "d1")
        assert names(graph) == {
            "dataset:iris@d1",
            f"run:{run.info.run_id}",
            f"run:{other.info.run_id}",
        }
        assert graph.nodes[0].facts["experiments"] == 2

    def test_digest_that_two_names_share_asks_which(self, store: Store, run: Run) -> None:
        use(store, run.info.run_id, "a@b")
        use(store, run.info.run_id, "iris")
        with pytest.raises(errors.InvalidInput, match="a@b@d1, iris@d1"):
            store.lineage.graph(NodeKind.DATASET, "d1")
        graph = store.lineage.graph(NodeKind.DATASET, "a@b@d1")
        assert graph.start == "dataset:a@b@d1"

    def test_version_of_a_run_without_a_logged_model_hangs_on_the_run(
        self, store: Store, run: Run
    ) -> None:
        registered(store, run)
        graph = store.lineage.graph(NodeKind.RUN, run.info.run_id)
        expected = (f"run:{run.info.run_id}", "model_version:digits/1", "registered as")
        assert edges(graph) == {expected}
        assert edges(store.lineage.graph(NodeKind.VERSION, "digits/1")) == {expected}

    def test_model_that_a_run_used_leads_on_to_that_run(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        model_id = make_model(store, run)
        later = start(store, experiment.experiment_id)
        store.inputs.log_inputs(later.info.run_id, models=[LoggedModelInput(model_id)])
        graph = store.lineage.graph(NodeKind.RUN, run.info.run_id)
        model = f"logged_model:{model_id}"
        assert edges(graph) == {
            (f"run:{run.info.run_id}", model, "made"),
            (model, f"run:{later.info.run_id}", "used"),
        }

    def test_run_that_uses_its_own_model_is_met_once(self, store: Store, run: Run) -> None:
        model_id = make_model(store, run)
        store.inputs.log_inputs(run.info.run_id, models=[LoggedModelInput(model_id)])
        graph = store.lineage.graph(NodeKind.RUN, run.info.run_id)
        assert len(graph.nodes) == 2
        assert len(graph.edges) == 2

    def test_depth_and_limit_leave_out_the_farthest(self, store: Store, run: Run) -> None:
        story = tell(store, run)
        near = store.lineage.graph(NodeKind.VERSION, "digits/1", depth=1)
        assert names(near) == story.nodes - {"dataset:iris@d1", f"run:{story.run_id}"}
        assert not near.truncated
        alone = store.lineage.graph(NodeKind.VERSION, "digits/1", depth=0)
        assert names(alone) == {"model_version:digits/1"}
        assert alone.edges == []
        few = store.lineage.graph(NodeKind.VERSION, "digits/1", limit=4)
        assert len(few.nodes) == 4
        assert few.truncated
        assert "dataset:iris@d1" not in names(few)
        assert all({e.source, e.target} <= names(few) for e in few.edges)
        assert not store.lineage.graph(NodeKind.VERSION, "digits/1", limit=6).truncated

    def test_edge_between_two_nodes_at_the_border_is_shown(
        self, store: Store, experiment: Experiment, run: Run
    ) -> None:
        later = start(store, experiment.experiment_id)
        for one in (run, later):
            use(store, one.info.run_id)
        model_id = make_model(store, run)
        store.inputs.log_inputs(
            later.info.run_id,
            models=[LoggedModelInput(model_id)],
        )
        graph = store.lineage.graph(NodeKind.DATASET, "d1", depth=2)
        assert (f"logged_model:{model_id}", f"run:{later.info.run_id}", "used") in edges(graph)

    def test_deleted_runs_and_models_are_shown_as_such(self, store: Store, run: Run) -> None:
        story = tell(store, run)
        store.runs.delete(run.info.run_id)
        store.logged_models.delete(story.model_id)
        graph = store.lineage.graph(NodeKind.VERSION, "digits/1")
        assert names(graph) == story.nodes
        deleted = {node.kind for node in graph.nodes if node.facts.get("deleted")}
        assert deleted == {NodeKind.RUN, NodeKind.LOGGED_MODEL}

    def test_copy_of_a_deleted_version_hangs_on_the_model(self, store: Store, run: Run) -> None:
        story = tell(store, run)
        store.model_versions.delete("digits", 1, cause=local_cause())
        graph = store.lineage.graph(NodeKind.VERSION, "copied/1", direction=Direction.UPSTREAM)
        assert names(graph) == {
            "dataset:iris@d1",
            f"run:{story.run_id}",
            f"logged_model:{story.model_id}",
            "model_version:copied/1",
        }

    def test_deployment_of_a_deleted_version_names_it(self, store: Store, run: Run) -> None:
        story = tell(store, run)
        store.registered_models.delete("digits", cause=local_cause())
        ident = story.deployment.deployment_id
        graph = store.lineage.graph(NodeKind.DEPLOYMENT, ident)
        assert edges(graph) == {("model_version:digits/1", f"deployment:{ident}", "deployed as")}
        assert graph.nodes[1].facts == {"deleted": True}

    def test_renamed_model_keeps_its_lineage(self, store: Store, run: Run) -> None:
        tell(store, run)
        store.registered_models.rename("digits", "numbers", cause=local_cause())
        graph = store.lineage.graph(NodeKind.VERSION, "copied/1", direction=Direction.UPSTREAM)
        assert "model_version:numbers/1" in names(graph)

    @pytest.mark.parametrize(
        ("kind", "ident", "error"),
        [
            (NodeKind.DATASET, "nothing", errors.NotFound),
            (NodeKind.DATASET, "@", errors.NotFound),
            (NodeKind.RUN, "0" * 32, errors.RunNotFound),
            (NodeKind.LOGGED_MODEL, "m-" + "0" * 32, errors.LoggedModelNotFound),
            (NodeKind.VERSION, "nothing/1", errors.RegisteredModelNotFound),
            (NodeKind.DEPLOYMENT, "nothing", errors.RegistryItemNotFound),
            (NodeKind.VERSION, "digits", errors.InvalidInput),
            (NodeKind.VERSION, "digits/first", errors.InvalidInput),
            (NodeKind.VERSION, "digits/0", errors.InvalidInput),
            (NodeKind.RUN, HALF_A_PAIR, errors.InvalidInput),
            (NodeKind.DATASET, "a\0b", errors.InvalidInput),
            (NodeKind.RUN, AWKWARD, errors.RunNotFound),
        ],
    )
    def test_what_is_not_there_is_told(
        self, store: Store, kind: NodeKind, ident: str, error: type[Exception]
    ) -> None:
        with pytest.raises(error):
            store.lineage.graph(kind, ident)

    def test_version_that_is_not_there_is_told(self, store: Store) -> None:
        store.registered_models.create("digits", cause=local_cause())
        with pytest.raises(errors.ModelVersionNotFound):
            store.lineage.graph(NodeKind.VERSION, "digits/1")

    @pytest.mark.parametrize(("depth", "limit"), [(-1, 10), (1, 0), (1, 10**9)])
    def test_bounds_out_of_range_are_refused(
        self, store: Store, run: Run, depth: int, limit: int
    ) -> None:
        with pytest.raises(errors.InvalidInput):
            store.lineage.graph(NodeKind.RUN, run.info.run_id, depth=depth, limit=limit)
