"""The borders between the rooms, read from the imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "db": {"api", "worker", "client", "flask", "celery", "torch", "transformers"},
    "api": {"worker", "torch", "transformers", "onnxruntime", "openvino"},
    "worker": {"api", "flask"},
    "client": {"api", "worker", "db"},
}
ONLY_IN = {
    "torch": ("worker/encoder/", "worker/demo_model/"),
    "transformers": ("worker/encoder/", "worker/demo_model/"),
    "sentence_transformers": ("worker/encoder/",),
    "onnx": ("worker/encoder/",),
    "onnxruntime": ("worker/encoder/",),
    "onnxscript": ("worker/encoder/",),
    "openvino": ("worker/encoder/",),
    "openai": ("worker/answer/openai.py",),
    "anthropic": ("worker/answer/anthropic.py",),
    "opentelemetry": ("db/tracing.py",),
}


def imports_of(path: Path) -> set[str]:
    """The top-level names of everything that a file imports, also inside functions."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
    return names


SOURCES = [path for room in FORBIDDEN for path in sorted((ROOT / room).rglob("*.py"))
           if "build" not in path.parts]  # fmt: skip


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_rooms_keep_their_borders(path: Path) -> None:
    relative = path.relative_to(ROOT).as_posix()
    imported = imports_of(path)
    assert not imported & FORBIDDEN[relative.split("/")[0]]
    for name, homes in ONLY_IN.items():
        assert name not in imported or relative.startswith(homes)


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_modules_open_with_a_sentence(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree)


def test_importing_the_api_loads_no_torch_and_connects_nowhere() -> None:
    heavy = {"torch", "transformers", "onnxruntime", "openvino", "celery"}
    code = f"import api, sys; print(sorted({heavy} & set(sys.modules)))"
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


def test_the_encoder_loads_the_libraries_for_exports_only_when_one_is_opened() -> None:
    code = (
        "import worker.pipeline, worker.encoder.export, sys;"
        "print(sorted({'onnx', 'onnxruntime', 'onnxscript', 'openvino'} & set(sys.modules)))"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"
