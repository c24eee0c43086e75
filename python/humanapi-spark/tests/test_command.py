"""What the command is told, and what becomes of its failures. Needs neither Spark nor a service."""

from __future__ import annotations

import re
import stat
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from humanapi_spark import CommandFailedError, Settings
from humanapi_spark import command as humanapi

GIVEN = {"resource": "activities", "users": "users.txt"}


def settings_of(**more: str) -> Settings:
    return Settings.of(GIVEN | more)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"users": "u"}, "resource is missing"),
        ({"resource": "activities"}, "users is missing"),
        (GIVEN | {"client_secret": "s3cret"}, "set HUMANAPI_CLIENT_ID"),
        (GIVEN | {"buckets": "0"}, "from 1 to 1000"),
        (GIVEN | {"buckets": "many"}, "buckets is no number"),
        (GIVEN | {"only_buckets": "3,16"}, "a bucket that there is not"),
        (GIVEN | {"rate": "50"}, "set the option store"),
        (GIVEN | {"values": "yes"}, "values is true or false"),
        (GIVEN | {"deidentify": "safe-harbor"}, "needs a key_file"),
    ],
)
def test_options_that_are_not_right_are_told_and_no_value_is(options: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said) as refused:
        Settings.of(options)
    assert "s3cret" not in str(refused.value)


def test_settings_are_the_same_as_options() -> None:
    settings = settings_of(Buckets="8", only_buckets="0,3", rate="2.5", store="redis", since="2026-01-01")
    assert Settings.of(settings.options()) == settings
    words = settings.words(3, "/dev/fd/9")
    assert words[words.index("--shard") + 1] == "4/8"
    assert words[words.index("--shared-rate") + 1] == "2.5"
    assert not {"--values", "--deidentify"} & set(words)
    made = settings_of(values="TRUE", deidentify="policy.toml", key_file="key")
    assert Settings.of(made.options()) == made
    words = made.words(0, "/dev/fd/9")
    assert "--values" in words
    assert words[words.index("--deidentify") + 1] == "policy.toml"


def test_a_key_is_read_from_its_file_or_drawn(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("ab" * 32 + "\n")
    assert settings_of(key_file=str(file)).key() == "ab" * 32
    assert settings_of().key() != settings_of().key()
    file.write_text("secret words")
    with pytest.raises(ValueError, match="64 hexadecimal digits") as refused:
        settings_of(key_file=str(file)).key()
    assert "secret words" not in str(refused.value)


def program(folder: Path, text: str) -> str:
    """A command that does this in place of `humanapi`."""
    path = folder / "humanapi"
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


STREAM = """
import os, signal, sys
import pyarrow as pa
batch = pa.record_batch([[1, 2]], names=["n"])
stream = pa.ipc.new_stream(sys.stdout.buffer, batch.schema)
stream.write_batch(batch)

def write_half():
    whole = pa.BufferOutputStream()
    with pa.ipc.new_stream(whole, batch.schema) as other:
        before = whole.tell()
        other.write_batch(pa.record_batch([list(range(1000))], names=["n"]))
        after = whole.tell()
    sys.stdout.buffer.write(whole.getvalue().to_pybytes()[before : after - 4000])
"""


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("stream.close(); sys.stderr.write('error: it is down'); sys.exit(6)", 6, "it is down"),
        ("sys.stdout.flush(); os._exit(5)", 5, "it said nothing"),
        ("sys.stdout.flush(); os.kill(os.getpid(), signal.SIGKILL)", -9, "it said nothing"),
        ("sys.stdout.buffer.write(b'half a mess'); sys.stdout.flush(); os._exit(70)", 70, "it said nothing"),
        # In the middle of what a batch holds, where Arrow says something else.
        ("write_half(); sys.stdout.flush(); os._exit(6)", 6, "it said nothing"),
    ],
)
def test_a_stream_that_is_not_whole_fails_at_its_end_whatever_came_before(
    tmp_path: Path, end: str, code: int, said: str
) -> None:
    settings = settings_of(command=program(tmp_path, STREAM + end))
    read = humanapi.read(settings, "ab" * 32, 0)
    assert next(read).num_rows == 2
    with pytest.raises(CommandFailedError, match=said) as failed:
        list(read)
    assert failed.value.code == code


def test_a_stream_that_breaks_off_is_no_success_even_if_the_command_says_so(tmp_path: Path) -> None:
    settings = settings_of(command=program(tmp_path, STREAM + "sys.stdout.buffer.write(b'half a mess')"))
    with pytest.raises(pa.ArrowInvalid):
        list(humanapi.read(settings, "ab" * 32, 0))


def test_the_command_gets_the_key_by_no_path_of_a_disk_and_is_ended_when_nobody_reads_on(tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    tells = f"given = open(sys.argv[sys.argv.index('--key-file') + 1]).read(); open({str(seen)!r}, 'w').write(given)"
    waits = "sys.stdout.flush(); import time; time.sleep(600)"
    named = program(tmp_path, f"import sys; {tells}\n{STREAM}{waits}")
    read = humanapi.read(settings_of(command=named), "ab" * 32, 0)
    next(read)
    # It would wait for ten minutes, and this with it.
    read.close()
    assert seen.read_text() == "ab" * 32


def test_a_command_that_is_not_there_is_told_with_what_to_do() -> None:
    with pytest.raises(CommandFailedError, match="install humanapi"):
        humanapi.schema(settings_of(command="/no/such/humanapi"))


@pytest.mark.parametrize("page", ["docs/on-a-cluster.md", "python/humanapi-spark/README.md"])
def test_what_the_pages_show_is_python_and_names_options_that_there_are(page: str) -> None:
    text = (Path(__file__).parents[3] / page).read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    assert blocks
    for block in blocks:
        compile(block, page, "exec")
        options = re.findall(r"\.option\(\"(\w+)\"", block) + re.findall(r"Settings\((.*)\)", block)
        for option in options:
            names = re.findall(r"(\w+)=", option) or [option]
            assert set(names) <= set(Settings.__dataclass_fields__), names
    if "| Option |" in text:
        table = text.split("| Option |")[1].split("\n\n")[0]
        # How long a call takes is told in the README: whoever searches the book for it wants the page on failures.
        assert {"timeout", *re.findall(r"`(\w+)`", table)} >= set(Settings.__dataclass_fields__)
