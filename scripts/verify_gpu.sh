#!/usr/bin/env bash
# For a person with an NVIDIA GPU: builds the TensorRT engines, runs every contract test and every bench, and
# prints one table to paste into an issue. Run in the checkout:
#
#     scripts/verify_gpu.sh [WORK_FOLDER]
#
# Needs Linux, Python 3.11 or newer with venv, an NVIDIA driver and about 12 GB for torch and TensorRT. It
# installs into WORK_FOLDER/venv (default: out/gpu-check/, kept, so that a second run is quick) and nowhere else.
# Each step's result is counted; a step that fails does not stop the others.
#
# On a machine that nothing can be installed on, such as a lent one without a network, with torch (CUDA), numpy,
# onnx, onnxruntime, safetensors, opencv, platformdirs, rich, typer, pytest and pytest-timeout for some Python:
#
#     NO_INSTALL=1 PYTHON=python3 scripts/verify_gpu.sh [WORK_FOLDER]
#
# Takes that Python as it is, any version of torch, and leaves out what needs Qt or torch-tensorrt; about two
# minutes. The most important comes first and each step has a time limit, so that one that hangs does not cost the
# others. CPM-VGG, which comes without weights, is timed with random ones, made in WORK_FOLDER.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

work="${1:-out/gpu-check}"
work="$(mkdir -p "$work" && cd "$work" && pwd)" || exit 1
report="$work/report.txt"
: >"$report"
failed=0

say() { printf '%s\n' "$*" | tee -a "$report"; }
step() { # step NAME COMMAND...: run it, show it, note how it ended
    local name="$1" log="$work/${1// /_}.log" started=$SECONDS status=0
    shift
    say "" "== $name"
    "$@" >"$log" 2>&1 || status=$?
    if [[ $status -eq 0 ]]; then
        say "ok ($((SECONDS - started)) s)"
    else
        failed=$((failed + 1))
        say "FAILED with status $status ($((SECONDS - started)) s); last lines of $log:"
        tail -n 15 "$log" | tee -a "$report"
    fi
    return $status
}
show() { tail -n "${2:-60}" "$work/${1// /_}.log" | tee -a "$report"; }

# no_install: what a Python can show that lacks Qt, and perhaps torch-tensorrt.
no_install() {
    local python="${PYTHON:-python3}"
    live=("$python" -m cpm_live.cli.main --debug)
    # benchmarks/ and what the tests start look for cpm_live here.
    export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
    # Without --strict-config: pytest-qt's option means nothing there.
    local test=("$python" -m pytest -q -p no:cacheprovider -o addopts="-ra --strict-markers --import-mode=importlib")

    step "doctor" timeout -k 5 60 "${live[@]}" doctor
    show "doctor"
    if "$python" -c "import importlib.util as u, sys; sys.exit(not u.find_spec('torch_tensorrt'))"; then
        step "build" timeout -k 5 900 "${live[@]}" models build --again && show "build" 20
    fi
    step "contract tests" timeout -k 5 180 "${test[@]}" --durations 10 -m gpu \
        tests/engines/test_contract.py tests/training/test_devices.py && show "contract tests" 30
    step "bench" timeout -k 5 120 "${live[@]}" bench --engine cuda --batch 2 --batch 4 --rounds 200 --no-window --json \
        && show "bench" 1
    step "random CPM-VGG" timeout -k 5 60 "$python" - "$work" <<'EOF'
import sys
from pathlib import Path

import torch

from cpm_live.network import checkpoint
from cpm_live.network.cpm import build
from cpm_live.network.presets import PRESETS

torch.manual_seed(0)
preset, weights = PRESETS["vgg"], Path(sys.argv[1]) / "vgg.safetensors"
checkpoint.save(weights, build(preset).state_dict(), checkpoint.Header(preset, "body"), half=True)
weights.with_suffix(".toml").write_text(
    f"[model]\nname = 'vgg'\nskeleton = 'body'\npreset = 'vgg'\nweights = '{weights}'\n", encoding="utf-8"
)
EOF
    # Random weights see nobody: of these figures the bare ones count, not the pipeline's.
    step "bench CPM-VGG" timeout -k 5 120 "${live[@]}" bench --model "$work/vgg.toml" --engine cuda --batch 4 --rounds 50 \
        --no-naive --no-window --json && show "bench CPM-VGG" 1
    step "roofline" timeout -k 5 120 "$python" benchmarks/roofline.py && show "roofline" 20
    step "verify" timeout -k 5 90 "${live[@]}" doctor --verify
    show "verify" 40
    # The wheel's test downloads it.
    step "other engine tests" timeout -k 5 120 "${test[@]}" -m "not gpu" tests/engines \
        --ignore tests/engines/test_torch_tensorrt_wheel.py && show "other engine tests" 10
}
end() { # end the script with its summary
    say "" "== summary: $failed steps failed"
    echo "paste $report"
    [[ $failed -eq 0 ]]
    exit
}

say "cpm-live $(git rev-parse --short HEAD 2>/dev/null || echo '(no git)'), $(date -u +%F), $(uname -sr)"
export XDG_CACHE_HOME="$work/cache" QT_QPA_PLATFORM="${QT_QPA_PLATFORM:-offscreen}"
if ! command -v nvidia-smi >/dev/null; then
    say "no NVIDIA driver here: nvidia-smi is not installed"
    [[ -n ${NO_INSTALL:-} ]] || exit 1
elif ! nvidia-smi --query-gpu=name,driver_version,memory.total,compute_cap --format=csv,noheader >"$work/gpu.txt" 2>&1; then
    say "no NVIDIA driver answers: nvidia-smi says: $(head -n 1 "$work/gpu.txt")"
    [[ -n ${NO_INSTALL:-} ]] || exit 1
else
    say "GPU: $(cat "$work/gpu.txt")"
fi
if [[ -n ${NO_INSTALL:-} ]]; then
    no_install
    end
fi

# torch-tensorrt has no wheels for the newest Python.
for version in 3.13 3.12 3.11; do
    [[ -n ${PYTHON:-} ]] || ! command -v "python$version" >/dev/null || PYTHON="python$version"
done
python="$(scripts/find_python.sh "${PYTHON:-}")" || exit 1
# A venv without pip is what Debian leaves behind where python3-venv is not installed.
"$work/venv/bin/python" -m pip --version >/dev/null 2>&1 || "$python" -m venv --clear "$work/venv" || exit 1
live="$work/venv/bin/cpm-live"

pip() { "$work/venv/bin/python" -m pip install --disable-pip-version-check -e "$1"; }
# Without TensorRT the CUDA part is still worth knowing.
step "install" pip ".[tensorrt,test]" || step "install without TensorRT" pip ".[gpu,test]" || exit 1
if ! "$work/venv/bin/python" -c "from PySide6 import QtGui" 2>"$work/qt.txt"; then
    say "Qt does not load, and the tests need it: $(tail -n 1 "$work/qt.txt")"
    say "install what it needs: sudo scripts/system_packages.sh run"
    exit 1
fi
step "doctor" "$live" doctor
show "doctor"
step "build" "$live" models build --again && show "build" 20
step "contract tests" "$work/venv/bin/python" -m pytest tests/engines -q -p no:cacheprovider --timeout 1800
show "contract tests" 25
step "verify" "$live" doctor --verify
show "verify" 40
step "bench" "$live" bench --batch 4 --rounds 300 && show "bench" 30
step "bench json" "$live" bench --batch 4 --rounds 300 --json --no-window && show "bench json" 1
step "roofline" "$work/venv/bin/python" benchmarks/roofline.py && show "roofline" 20

end
