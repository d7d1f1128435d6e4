"""Only what pyproject.toml cannot say: the C extensions are optional, so an install without a compiler still works."""

import os
from pathlib import Path

from setuptools import Extension, setup

COMPILED = Path("gateway/io/compiled")
SANITIZE = ["-fsanitize=address", "-fno-omit-frame-pointer", "-g"] if os.environ.get("MOORAGE_SANITIZE") else []

setup(
    ext_modules=[
        Extension(
            "gateway.scan",
            ["gateway/scan.pyx"],
            optional=True,
            extra_compile_args=["-O2", *SANITIZE],
            extra_link_args=SANITIZE,
        ),
        Extension(
            "gateway.io.compiled.pump",
            [str(COMPILED / "pump.pyx")],
            depends=[str(part) for part in (*COMPILED.glob("*.pxi"), *COMPILED.glob("*.pxd"))],
            optional=True,
            extra_compile_args=["-O2", *SANITIZE],
            extra_link_args=SANITIZE,
        ),
    ],
)
