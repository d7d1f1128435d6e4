"""Only what pyproject.toml cannot say: the C extension is optional, so an install without a compiler still works."""

from setuptools import Extension, setup

setup(
    ext_modules=[
        Extension(
            "gateway.io.compiled.pump",
            ["gateway/io/compiled/pump.pyx"],
            optional=True,
            extra_compile_args=["-O2"],
        ),
    ],
)
