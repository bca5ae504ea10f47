"""Which repositories may be trained on, and which must not be?"""

from pathlib import Path

from training.pipeline import read_list

LISTED = read_list(Path(__file__).parents[2] / "training" / "repositories.tsv")
PERMISSIVE = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "ISC", "MIT", "PostgreSQL", "Unlicense", "Zlib"}


def used_for(use):
    return {repository.name for repository in LISTED if repository.use == use}


def test_every_repository_has_one_use():
    names = [repository.name.lower() for repository in LISTED]
    assert names == sorted(set(names))
    assert {repository.use for repository in LISTED} == {"train", "held", "final"}
    assert all(len(repository.commit) == 40 for repository in LISTED)


def test_there_is_enough_to_train_on_and_to_measure_with():
    assert len(used_for("train")) >= 150
    assert len(used_for("held")) >= 20
    assert len(used_for("final")) >= 25


def test_every_repository_may_be_used_under_a_permissive_licence():
    assert [one.name for one in LISTED if not PERMISSIVE.intersection(one.licence.split(" OR "))] == []


def test_no_fork_of_a_final_repository_is_trained_on():
    final = {name.split("/")[1].lower() for name in used_for("final")}
    assert final.isdisjoint(name.split("/")[1].lower() for name in used_for("train") | used_for("held"))
    assert used_for("train").isdisjoint({"rbenv/rbenv", "rbenv/ruby-build", "tfutils/tfenv"})  # pyenv began as a copy of rbenv
