"""A mistake in a manifest is answered with file, line, key and the nearest right name."""

from __future__ import annotations

from pathlib import Path

import pytest

from winnow.pipeline.configuration.manifest import Manifest
from winnow.pipeline.configuration.packaged import MANIFESTS
from winnow.pipeline.configuration.reading import ConfigurationError, read_model

SOUND = """\
stage: mid
seed: 1
filters:
  - recipe: gopher_quality
    thresholds:
      words: {minimum: 20}
mixture:
  sources: {web: 60, books: 40}
packing: best_fit
curriculum:
  - {length: 512, share: 50}
  - length: 1024
    share: 50
"""


def write(folder: Path, text: str, name: str = "mid.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def complaint(folder: Path, old: str, new: str) -> str:
    assert old in SOUND
    path = write(folder, SOUND.replace(old, new, 1))
    with pytest.raises(ConfigurationError) as caught:
        read_model(path, Manifest)
    return str(caught.value).replace(str(path), "mid.yaml")


def test_a_sound_manifest_is_read(tmp_path: Path) -> None:
    manifest = read_model(write(tmp_path, SOUND), Manifest)
    assert manifest.mixture.weights() == {"web": 60, "books": 40}
    assert [phase.folder() for phase in manifest.curriculum] == ["length-512", "length-1024"]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("packing:", "paking:", "mid.yaml:9: paking: there is no such key; did you mean 'packing'?"),
        ("minimum: 20", "minimun: 20", "minimun: there is no such key; did you mean 'minimum'?"),
        ("minimum: 20", "minimum: many", "mid.yaml:6: filters.0.thresholds.words.minimum: "),
        ("web: 60", "web: 50", "the shares of sources add up to 90 per cent, not to 100"),
        ("stage: mid", "stage: Middle stage", "mid.yaml:1: stage: "),
        ("seed: 1", "seed: -1", "mid.yaml:2: seed: "),
        ("share: 50}", "share: 40}", "the shares of the phases add up to 90 per cent, not to 100"),
        ("length: 1024", "length: 512", "two phases have the same name"),
        ("    share: 50\n", "", "either every phase gives its share or every phase gives its tokens"),
        ("    share: 50\n", "    tokens: 50\n", "either every phase gives its share or every phase gives its tokens"),
        ("share: 50}", "share: 50, sources: {web: 90}}", "the shares of sources add up to 90 per cent, not to 100"),
        ("books: 40}", "books: 40}\n  bucket_epochs: {1: 3}", "names bucket 1; `quality` makes 0 buckets"),
        ("seed: 1", "seed: 1\nseed: 2", "mid.yaml:3: seed: stands here a second time"),
        ("stage: mid", "stage: [mid", "is not valid YAML"),
        ("best_fit", "bestfit", "mid.yaml:9: packing: "),
        ("{web: 60, books: 40}", "web", "mixture.sources: expected names with values: {name: value}, not 'web'"),
        ("{minimum: 20}", "20", "mid.yaml:6: filters.0.thresholds.words: expected keys, maximum, minimum, not 20"),
    ],
)
def test_each_kind_of_mistake_names_its_place(tmp_path: Path, old: str, new: str, expected: str) -> None:
    assert expected in complaint(tmp_path, old, new)


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    path = write(tmp_path, SOUND.replace("packing", "paking").replace("seed", "sead"))
    with pytest.raises(ConfigurationError) as caught:
        read_model(path, Manifest)
    assert "'packing'" in str(caught.value)
    assert "'seed'" in str(caught.value)


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path: Path) -> None:
    write(tmp_path, SOUND, "pretrain.yaml")
    with pytest.raises(ConfigurationError, match=r"did you mean '.*pretrain\.yaml'"):
        read_model(tmp_path / "pretrian.yaml", Manifest)


def test_a_file_in_this_folder_is_offered_for_a_name_that_winnow_has_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, SOUND, "anneal.yaml")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"did you mean 'anneal\.yaml', the file in this folder"):
        read_model(MANIFESTS / "anneal.yaml", Manifest)
    with pytest.raises(ConfigurationError, match=r"did you mean 'anneal\.yaml'\?"):
        read_model(Path("anneal.yml"), Manifest)
    with pytest.raises(ConfigurationError, match="did you mean 'pretrain'"):
        read_model(MANIFESTS / "pretrian.yaml", Manifest)


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mid.yaml"
    path.write_bytes("description: 训练\n".encode("gb18030"))
    with pytest.raises(ConfigurationError, match="not UTF-8"):
        read_model(path, Manifest)


def test_an_extending_manifest_sets_some_keys_and_takes_the_others(tmp_path: Path) -> None:
    write(tmp_path, SOUND)
    path = write(tmp_path, "extends: mid\nseed: 7\n", "other.yaml")
    manifest = read_model(path, Manifest)
    assert (manifest.seed, manifest.packing, len(manifest.curriculum)) == (7, "best_fit", 2)


def test_a_mistake_in_the_extended_file_is_placed_there(tmp_path: Path) -> None:
    write(tmp_path, SOUND.replace("best_fit", "worst_fit"))
    path = write(tmp_path, "extends: mid\nseed: 7\n", "other.yaml")
    with pytest.raises(ConfigurationError, match=r"mid\.yaml:9: packing"):
        read_model(path, Manifest)
