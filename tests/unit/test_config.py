from pathlib import Path

import pytest
from pydantic import ValidationError

from hashdesk.config import Settings, load_settings
from hashdesk.errors import InputError


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No settings file of whoever runs the tests."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_defaults_are_the_built_in_pack_and_the_folder_notes() -> None:
    settings = load_settings()
    assert (settings.store, settings.out_dir, settings.debug) == (None, Path("notes"), False)


def test_flag_beats_environment_beats_file_beats_default(empty_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (empty_folder / "hashdesk.toml").write_text('out_dir = "from-file"\nstore = "pack"\n')
    assert load_settings().out_dir == Path("from-file")
    monkeypatch.setenv("HASHDESK_OUT_DIR", "from-environment")
    assert load_settings().out_dir == Path("from-environment")
    assert load_settings(out_dir=Path("from-flag")).out_dir == Path("from-flag")
    assert load_settings().store == "pack"


def test_a_flag_that_was_not_given_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASHDESK_DEBUG", "1")
    assert load_settings(debug=None).debug


def test_settings_do_not_change_once_made() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_settings().debug = True  # type: ignore[misc]


def test_an_unknown_key_in_the_file_names_the_nearest(empty_folder: Path) -> None:
    (empty_folder / "hashdesk.toml").write_text('outdir = "x"\n')
    with pytest.raises(InputError, match=r"unknown key outdir\. Did you mean out_dir\?"):
        load_settings()


def test_a_misspelled_variable_is_refused_rather_than_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASHDESK_STROE", "pack")
    with pytest.raises(InputError, match=r"HASHDESK_STROE\. Did you mean HASHDESK_STORE\?"):
        load_settings()


def test_a_value_of_the_wrong_kind_says_where_to_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HASHDESK_DEBUG", "perhaps")
    with pytest.raises(InputError, match=r"debug: .*'perhaps'.*HASHDESK_DEBUG"):
        load_settings()


def test_a_store_may_be_an_address_and_a_path_is_taken_as_text(tmp_path: Path) -> None:
    assert load_settings(store="s3://bucket/desk").store == "s3://bucket/desk"
    assert load_settings(store=tmp_path).store == str(tmp_path)


def test_the_password_of_the_node_shows_in_no_print_and_no_error(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HASHDESK_NODE_PASSWORD", "hunter2")
    settings = load_settings()
    assert settings.node_password is not None and settings.node_password.get_secret_value() == "hunter2"
    assert "hunter2" not in f"{settings!r}{settings}{settings.model_dump_json()}"
    monkeypatch.delenv("HASHDESK_NODE_PASSWORD")
    (empty_folder / "hashdesk.toml").write_text("node_password = 271828\n")
    with pytest.raises(InputError, match=r"node_password: .*kept secret") as caught:
        load_settings()
    assert "271828" not in str(caught.value)


def test_a_chain_that_does_not_exist_lists_those_that_do() -> None:
    with pytest.raises(InputError, match=r"chain: .*'main'.*'regtest'.*got 'mainnet'"):
        load_settings(chain="mainnet")


def test_an_unknown_flag_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=f"Known: {', '.join(Settings.model_fields)}"):
        load_settings(xyzzy=1)


def test_a_file_that_is_not_toml_is_refused(empty_folder: Path) -> None:
    (empty_folder / "hashdesk.toml").write_text("out_dir\n")
    with pytest.raises(InputError, match=r"hashdesk\.toml cannot be read"):
        load_settings()
