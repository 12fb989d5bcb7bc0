from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from tests.capture.films import film

ROOT = Path(__file__).resolve().parents[2]


def cli(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a person would call it."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **environment}
    command = [sys.executable, "-m", "cpm_live.cli.main", *arguments]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def test_help_and_version() -> None:
    text = cli("--help").stdout
    for word in ("run", "bench", "evaluate", "train", "models", "devices", "doctor", "window"):
        assert word in text
    assert cli("--version").stdout.startswith("cpm-live 0.")
    assert "keypoints" in cli("run", "--help").stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "none.mp4", "-o", "{tmp}/a.mp4"], "no file or folder none.mp4"),
        (["run", "x" * 5000, "-o", "{tmp}/a.mp4"], "as a path"),
        (["run", "{tmp}/text.mp4", "-o", "{tmp}/a.mp4"], "as a video file"),
        (["run", "demo"], "nothing to write; give --out"),
        (["run", "demo", "-o", "{tmp}/a.avi"], "use a name that ends in|--out is"),
        (["run", "demo", "-m", "cat", "-o", "{tmp}/a.mp4"], "unknown model 'cat'"),
        (["run", "demo", "-e", "abacus", "-o", "{tmp}/a.mp4"], "unknown engine 'abacus'"),
        (["run", "demo", "--joint", "nose", "-o", "{tmp}/a.mp4"], "no joint 'nose'"),
        (["run", "demo", "--stage", "9", "-o", "{tmp}/a.mp4"], "has stages 1 to"),
        (["run", "demo", "--people", "9", "-o", "{tmp}/a.mp4"], "people is 9; use 1 to 8"),
        (["run", "demo", "--smooth", "2", "-o", "{tmp}/a.mp4"], "smoothing is 2"),
        (["run", "demo", "--region", "1,2,3", "-o", "{tmp}/a.mp4"], "--region 1,2,3: give four numbers"),
        (["run", "demo", "-m", "hand", "--hands", "-o", "{tmp}/a.mp4"], "--hands goes with a body model"),
        (["run", "camera:9", "-o", "{tmp}/a.mp4"], "no camera 9"),
        (["run", "demo", "-m", "{tmp}/bad.toml", "-o", "{tmp}/a.mp4"], "is not TOML"),
        (["run", "demo", "-m", "{tmp}/broken.toml", "-o", "{tmp}/a.mp4"], "cannot read network"),
        (["run", "demo", "-m", "finder", "-o", "{tmp}/a.mp4"], "finder finds places, not poses"),
        (["bench", "-m", "finder"], "finder finds places, not poses"),
        (["-m", "finder"], "finder finds places, not poses"),
        (["run", "demo", "--region=nan,0,99,99", "-o", "{tmp}/a.mp4"], "the region is"),
        (["run", "demo", "--region", "2000,0,99,99", "-o", "{tmp}/a.mp4"], "shows nothing of the picture"),
        (["run", "demo", "-o", "{tmp}/a.mp4", "-k", "{tmp}/a.mp4"], "are both"),
        (["evaluate", "body", "-d", "{tmp}"], "no data in"),
        (["evaluate", "body", "-d", "{tmp}", "--sheet", "{tmp}/no/a.png"], "no folder"),
        (["evaluate", "finder", "-d", "{tmp}", "--sheet", "{tmp}/a.png"], "does not go with a finder"),
        (["evaluate", "finder", "-d", "{tmp}", "--scales", "0.8,1"], "--scales does not go with a finder"),
        (["evaluate", "finder", "-d", "lsp:{tmp}"], "one folder in the layout of our data"),
        (["evaluate", "finder", "-d", "coco:{tmp}"], "no data in"),
        (["train", "body", "-d", "{tmp}", "--epochs", "1", "--set", "sources=1"], "sources must be a table"),
        (["train", "body", "-d", "{tmp}"], "say how long"),
        (["models", "export", "{tmp}/text.mp4"], "cannot read weights"),
        (["--size", "big"], "write it as 1280x720"),
        (["--model", "cat"], "unknown model 'cat'"),
        (["--model", "hand", "run", "demo", "-o", "{tmp}/a.mp4"], "--model before run does nothing; put it behind"),
        (["--source", "x.mp4", "run", "demo", "-k", "k"], "--source before run does nothing; give it as INPUT"),
        (["--threads", "1", "doctor"], "--threads before doctor does nothing; leave it out"),
    ],
)
def test_wrong_input_is_one_line_and_status_2(tmp_path: Path, arguments: list[str], message: str) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "bad.toml").write_text("[model")
    (tmp_path / "broken.toml").write_text(
        "[model]\nname='x'\nskeleton='body'\npreset='lite'\nweights='w.safetensors'\n"
    )
    (tmp_path / "w.safetensors").write_bytes(b"nonsense")
    (tmp_path / "w.onnx").write_bytes(b"nonsense")
    done = cli(*(argument.replace("{tmp}", str(tmp_path)) for argument in arguments))
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("cpm-live: "), done.stderr
    assert any(part in lines[0] for part in message.split("|")), lines[0]
    assert "Traceback" not in done.stderr + done.stdout


def test_debug_shows_the_traceback() -> None:
    done = cli("run", "none.mp4", "-o", "a.mp4", "--debug")
    assert done.returncode != 0 and "Traceback" in done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="displays are found otherwise elsewhere")
def test_no_display_is_one_line() -> None:
    done = cli("window", DISPLAY="", WAYLAND_DISPLAY="", QT_QPA_PLATFORM="")
    assert done.returncode == 2 and "cpm-live run" in done.stderr and len(done.stderr.strip().splitlines()) == 1
    done = cli("window", DISPLAY=":987", WAYLAND_DISPLAY="", QT_QPA_PLATFORM="")
    assert done.returncode == 2 and len(done.stderr.strip().splitlines()) == 1, done.stderr


def _lines(path: Path) -> tuple[dict, list[dict]]:
    first, *rest = (json.loads(line) for line in path.read_text().splitlines())
    return first["header"], rest


def test_run_on_a_real_clip(clips: Path, tmp_path: Path) -> None:
    out, keypoints = tmp_path / "out.mp4", tmp_path / "out.jsonl"
    done = cli("run", str(clips / "milk.mkv"), "--model", "body", "--out", str(out), "--keypoints", str(keypoints))
    assert done.returncode == 0, done.stderr
    assert str(out) in done.stdout and "frames, somebody seen in" in done.stdout
    header, lines = _lines(keypoints)
    with av.open(str(out)) as container:
        frames = [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]
    assert len(header["joints"]) == 14 and header["width"] == 640
    assert len(lines) == len(frames) == 56 or len(lines) == len(frames)
    assert [line["index"] for line in lines] == list(range(len(lines)))
    seen = [line for line in lines if line["poses"]]
    assert len(seen) > 0.8 * len(lines)
    pose = seen[-1]["poses"][0]
    assert set(pose) == {"id", "box", "side", "keypoints"} and len(pose["keypoints"]) == 14
    assert abs(lines[30]["time"] - 1.0) < 0.02


def test_run_with_hands_region_and_raw_joints(clips: Path, tmp_path: Path) -> None:
    keypoints = tmp_path / "k.jsonl"
    clip = str(clips / "help.mkv")
    done = cli("run", clip, "--hands", "--smooth", "0", "--people", "1", "-k", str(keypoints))
    assert done.returncode == 0, done.stderr
    header, lines = _lines(keypoints)
    assert len(header["joints"]) == 14 and len(header["hands"]["joints"]) == 21
    hands = [hand for line in lines for hand in line["hands"]]
    assert all(len(line["poses"]) <= 1 for line in lines) and len(hands) > 5
    assert {hand["side"] for hand in hands} <= {"left", "right"} and len(hands[0]["keypoints"]) == 21
    # Everybody stands left of this corner.
    done = cli("run", clip, "--region", "520,0,120,200", "--frames", "20", "-k", str(keypoints))
    assert done.returncode == 0
    assert not any(line["poses"] for line in _lines(keypoints)[1])


def test_run_on_pictures(data: Path, tmp_path: Path) -> None:
    from cpm_live.core.skeleton import HAND
    from cpm_live.training import dataset

    folder = tmp_path / "in"
    folder.mkdir()
    samples = [s for s in dataset.load(data, HAND, "val") if s.source == "webcam"][:4]
    for index, sample in enumerate(samples):
        (folder / f"{index}.jpg").write_bytes(sample.jpeg)
    done = cli("run", str(folder), "-m", "hand", "-o", str(tmp_path / "out"), "-k", str(tmp_path / "k.jsonl"))
    assert done.returncode == 0, done.stderr
    _, lines = _lines(tmp_path / "k.jsonl")
    assert [line["file"] for line in lines] == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["0.jpg", "1.jpg", "2.jpg", "3.jpg"]
    picture = cli("run", str(folder / "0.jpg"), "-m", "hand", "-o", str(tmp_path / "one.png"))
    assert picture.returncode == 0 and cv2.imread(str(tmp_path / "one.png")).shape == (224, 224, 3)


def test_the_input_is_never_overwritten(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    cv2.imwrite(str(picture), np.full((64, 64, 3), 90, np.uint8))
    before = picture.read_bytes()
    for arguments in (["-o", str(picture)], ["-k", str(picture)]):
        done = cli("run", str(picture), *arguments)
        assert done.returncode == 2 and "is the input itself" in done.stderr
    # Opened under the name that is there.
    done = cli("run", f"{picture} ", "-o", str(picture))
    assert done.returncode == 2 and "is the input itself" in done.stderr
    clip = film(tmp_path / "clip.mp4", 3)
    whole = clip.read_bytes()
    for option in ("-o", "-k"):
        done = cli("run", str(clip), option, str(clip))
        assert done.returncode == 2 and "is the input itself" in done.stderr and clip.read_bytes() == whole
    folder = cli("run", str(tmp_path), "-o", str(tmp_path))
    assert folder.returncode == 2 and picture.read_bytes() == before


def test_pictures_of_a_folder_are_not_overwritten_either(tmp_path: Path) -> None:
    store, links = tmp_path / "store", tmp_path / "links"
    store.mkdir()
    links.mkdir()
    picture = store / "a.png"
    cv2.imwrite(str(picture), np.full((64, 64, 3), 90, np.uint8))
    before = picture.read_bytes()
    try:
        (links / "a.png").symlink_to(picture)
    except OSError:
        pytest.skip("needs symbolic links")
    for arguments in (["-o", str(store)], ["-k", str(picture)], ["-k", str(links / "a.png")]):
        done = cli("run", str(links), *arguments)
        assert done.returncode == 2 and "is the input itself" in done.stderr, arguments
    both = cli("run", str(links), "-o", str(tmp_path / "new.v1"), "-k", str(tmp_path / "new.v1" / "a.png"))
    assert both.returncode == 2 and "is where an annotated picture goes" in both.stderr
    assert picture.read_bytes() == before
    assert cli("run", str(links), "-o", str(tmp_path / "new.v1"), "-q").returncode == 0
    assert (tmp_path / "new.v1" / "a.png").is_file(), "a folder may have a dot in its name"


def test_places_to_write_to(tmp_path: Path) -> None:
    home = str(tmp_path)
    done = cli("run", "demo", "--frames", "2", "--keypoints=~/k.jsonl", "-q", HOME=home, USERPROFILE=home)
    assert done.returncode == 0 and (tmp_path / "k.jsonl").is_file(), done.stderr
    for name, message in (("~nosuchuser/k.jsonl", "home directory"), ("x" * 300, "too long")):
        done = cli("run", "demo", "--frames", "2", "-k", name, HOME=home)
        assert done.returncode == 2 and message in done.stderr, done.stderr


def test_brackets_in_a_stream_are_no_markup(tmp_path: Path) -> None:
    from cpm_live.recording.video import VideoWriter

    (tmp_path / "[").mkdir()
    writer = VideoWriter(tmp_path / "[" / "b].mkv")
    for index in range(3):
        writer.write(np.zeros((48, 64, 3), np.uint8), index / 10)
    writer.close()
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = cli("run", f"http://127.0.0.1:{server.server_port}/[/b].mkv", "-k", str(tmp_path / "k.jsonl"))
        server.shutdown()
    assert done.returncode == 0, done.stderr


def test_a_full_disk_is_one_line() -> None:
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    done = cli("run", "demo", "--frames", "2", "-k", "/dev/full")
    assert done.returncode == 2 and done.stderr.strip().splitlines()[-1].startswith("cpm-live: cannot write /dev/full")


def test_every_frame_has_a_line_even_where_nobody_is(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((240, 320, 3), 128, np.uint8))
    done = cli("run", str(tmp_path / "wall.png"), "-k", str(tmp_path / "k.jsonl"))
    assert done.returncode == 0
    _, lines = _lines(tmp_path / "k.jsonl")
    assert len(lines) == 1 and lines[0]["poses"] == []


def test_models_devices_and_doctor() -> None:
    listed = cli("models").stdout
    assert "body" in listed and "hand" in listed and "missing" not in listed
    assert cli("devices").returncode == 0
    assert "onnxruntime" in cli("doctor").stdout


def test_bench_prints_the_promised_json() -> None:
    done = cli("bench", "--json", "--no-naive", "--rounds", "5", "--model", "body", QT_QPA_PLATFORM="offscreen")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.strip().splitlines()[-1])
    assert set(figures) >= {"device", "threads", "results", "age_ms", "startup_s", "paint_ms", "peak_rss_mb"}
    row = figures["results"][0]
    assert row["model"] == "body" and row["engine"] == "cpu" and row["bare_ms"]["p50"] > 0
    assert row["ratio"] > 0 and figures["startup_s"] > 0 and figures["peak_rss_mb"] > 20
    assert figures["age_ms"]["p95"] >= figures["age_ms"]["p50"] > 0


def test_run_tells_which_pictures_it_could_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for name in ("a", "c"):
        cv2.imwrite(str(folder / f"{name}.png"), np.full((64, 64, 3), 90, np.uint8))
    (folder / "b.png").write_bytes(b"no picture")
    done = cli("run", str(folder), "--keypoints", str(tmp_path / "k.jsonl"))
    assert done.returncode == 1 and "left out, since they cannot be read: b.png" in done.stderr
    lines = [json.loads(line) for line in (tmp_path / "k.jsonl").read_text().splitlines()[1:]]
    assert [line["file"] for line in lines] == ["a.png", "c.png"]


def test_doctor_goes_on_without_a_cache_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = cli("doctor", XDG_CACHE_HOME=str(tmp_path / "file" / "cache"))
    assert done.returncode == 0, done.stderr
    assert "cannot be made" in done.stdout and "engine cpu: ready" in done.stdout


def test_a_cut_video_is_told_and_what_was_read_is_kept(tmp_path: Path) -> None:
    from cpm_live.recording.video import VideoWriter

    whole = tmp_path / "whole.mkv"
    writer = VideoWriter(whole)
    rng = np.random.default_rng(0)
    for index in range(40):
        writer.write(rng.integers(0, 255, (96, 128, 3), np.uint8), index / 30)
    writer.close()
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    assert cli("run", str(whole), "-k", str(tmp_path / "a.jsonl"), "-q").returncode == 0
    cut = cli("run", str(tmp_path / "cut.mkv"), "-k", str(tmp_path / "b.jsonl"), "-q")
    assert cut.returncode == 1 and "damaged or cut off" in cut.stderr and "of about 40 frames" in cut.stderr
    assert len((tmp_path / "b.jsonl").read_text().splitlines()) > 5


def test_a_download_that_breaks_off_is_told(tmp_path: Path) -> None:
    from cpm_live.recording.video import VideoWriter

    writer = VideoWriter(tmp_path / "whole.mkv")
    rng = np.random.default_rng(0)
    for index in range(60):
        writer.write(rng.integers(0, 255, (96, 128, 3), np.uint8), index / 30)
    writer.close()
    content = (tmp_path / "whole.mkv").read_bytes()

    class HalfHandler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) // 2])

        def log_message(self, *arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), HalfHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        done = cli("run", f"http://127.0.0.1:{server.server_port}/v.mkv", "-k", str(tmp_path / "k.jsonl"), "-q")
        server.shutdown()
    assert done.returncode != 0 and done.stderr.strip(), done
    assert len((tmp_path / "k.jsonl").read_text().splitlines()) > 5, "what came is kept"


def test_ctrl_c_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from cpm_live.capture import camera
    from cpm_live.cli.main import main

    def stopped() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(camera, "list_cameras", stopped)
    monkeypatch.setattr(sys, "argv", ["cpm-live", "devices"])
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 130 and "cpm-live: interrupted" in capsys.readouterr().err


_STARTS_ANOTHER = """
import multiprocessing, sys
from cpm_live.cli.main import main

if __name__ == "__main__":
    sys.argv = ["cpm-live", "--version"]
    try:
        main()
    except SystemExit:
        pass
    process = multiprocessing.get_context("spawn").Process(target=print, args=("another",))
    process.start()
    process.join()
"""


def test_processes_of_ours_run_nothing_of_the_working_folder(tmp_path: Path) -> None:
    """Training's workers are started so, among pictures that somebody else gathered."""
    (folder := tmp_path / "data").mkdir()
    (folder / "multiprocessing.py").write_text("raise SystemExit('code of the working folder ran')")
    (script := tmp_path / "start.py").write_text(_STARTS_ANOTHER)
    env = {name: value for name, value in os.environ.items() if name != "PYTHONSAFEPATH"} | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script], cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    assert "another" in done.stdout, done.stderr
