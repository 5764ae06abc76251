"""A machine whose CUDA driver torch cannot use."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

OLD_DRIVER = """
int cuInit(unsigned flags) { return 0; }
int cuDriverGetVersion(int *version) { *version = 11000; return 0; }
int cuDeviceGetCount(int *count) { *count = 1; return 0; }
int cuGetProcAddress(const char *name, void **found, int version, unsigned long flags) {
  *found = 0;
  return 500;
}
"""


@pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("cc") is None, reason="needs Linux and a C compiler"
)
def test_a_run_beside_a_driver_that_is_too_old_trains_without_torchs_warning(
    tmp_path: Path,
) -> None:
    source, driver = tmp_path / "driver.c", tmp_path / "libcuda.so.1"
    source.write_text(OLD_DRIVER)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", driver, source], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "app", "train", "--epochs", "1", "--model", "mlp"],
        env={
            **os.environ,
            "LD_LIBRARY_PATH": str(tmp_path),
            "LRSCOPE_HOME": str(tmp_path / "home"),
        },
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert ", cpu." in done.stdout
