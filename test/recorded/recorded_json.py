"""How the scripts that record runs write them."""

import json
import re
import textwrap
from pathlib import Path

LINE_WIDTH = 110
MAX_FILE_BYTES = 80_000


def to_json(value, indent=0, prefix=""):
    """JSON as the project's formatter lays it out, so that it passes lint.

    What fits on a line is on one; of the rest, numbers fill their lines and
    other items have one each. `prefix` is the key that stands before.
    """
    flat = re.sub(r"(\de-)0", r"\1", json.dumps(value))  # 1e-07 to 1e-7
    fits = indent > 0 and indent + len(prefix) + len(flat) + 1 <= LINE_WIDTH
    if fits or not isinstance(value, (list, dict)):
        return flat
    inner = indent + 2
    if isinstance(value, dict):
        keys = [json.dumps(key) + ": " for key in value]
        items = [key + to_json(item, inner, key) for key, item in zip(keys, value.values())]
        body, brackets = (",\n" + " " * inner).join(items), "{}"
    elif isinstance(value[0], dict):
        body, brackets = (",\n" + " " * inner).join(to_json(item, inner) for item in value), "[]"
    else:
        whole = re.sub(r'"(?:[^"\\]|\\.)*"', lambda text: text.group().replace(" ", "\0"), flat[1:-1])
        how = {"break_on_hyphens": False, "break_long_words": False}
        body, brackets = textwrap.fill(whole, LINE_WIDTH - inner, **how), "[]"
        body = body.replace("\n", "\n" + " " * inner).replace("\0", " ")
    return f"{brackets[0]}\n{' ' * inner}{body}\n{' ' * indent}{brackets[1]}"


def write(files):
    """Writes each value under its name beside this script: all of them, or none where one is too large."""
    texts = {name: to_json(value) + "\n" for name, value in files.items()}
    for name, text in texts.items():
        assert len(text) < MAX_FILE_BYTES, f"{name} has {len(text)} bytes"
    folder = Path(__file__).resolve().parent
    for name, text in texts.items():
        (folder / name).write_text(text)
        print(f"{name}: {len(text)} bytes")
