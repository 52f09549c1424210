from __future__ import annotations

from pathlib import Path

import pytest

from training.corpus import GRAMMARS, HELD_OUT, Dataset, generated, hold_out, read_jsonl, training_data
from training.curriculum import PHASES


def all_texts(datasets: list[Dataset]) -> set[str]:
    return {text for dataset in datasets for texts in dataset.texts.values() for text in texts}


def test_held_out_classes_stay_out_of_the_training_data(corpus: Path, datasets: list[Dataset]) -> None:
    for name, count in HELD_OUT.items():
        everything = read_jsonl(corpus / name / "train.jsonl", name)
        expected = min(count, len(everything.classes) - 2)
        unseen = hold_out(everything, expected, seed=3)[1]
        assert len(unseen.classes) == expected
        trained = next(dataset for dataset in datasets if dataset.name == name)
        assert set(trained.classes) | set(unseen.classes) == set(everything.classes)
        assert not set(trained.classes) & set(unseen.classes)
        assert all_texts([unseen]) and not all_texts([unseen]) & all_texts(datasets)


def test_folders_under_other_terms_are_never_trained_on(corpus: Path, datasets: list[Dataset]) -> None:
    assert (corpus / "agnews" / "train.jsonl").exists()
    assert not any("zyx" in text for text in all_texts(datasets))
    assert any("who the wrote" in text for text in all_texts(datasets))


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="clinc150"):
        training_data(tmp_path, seed=0)


@pytest.mark.parametrize("path", sorted(GRAMMARS.glob("*.toml")), ids=lambda path: path.stem)
def test_grammars_are_seeded_and_say_many_things(path: Path) -> None:
    texts = generated(path, seed=1, per_class=200).texts
    assert texts == generated(path, seed=1, per_class=200).texts
    assert texts != generated(path, seed=2, per_class=200).texts
    assert len(texts) == 4
    for found in texts.values():
        assert len(set(found)) == 200
        assert not any("{" in text or "}" in text for text in found)
    words = [set(" ".join(found).lower().split()) for found in texts.values()]
    assert all(len(mine - set().union(*(other for other in words if other is not mine))) > 20 for mine in words)


def test_every_data_set_of_the_mix_exists() -> None:
    names = {"clinc150", "banking77", "trec", "sst2"} | {path.stem for path in GRAMMARS.glob("*.toml")}
    assert all(set(phase.mix) == names for phase in PHASES)
