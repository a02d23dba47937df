#!/usr/bin/env python3
"""Records what Terraform makes of the expressions in expressions.txt, one JSON object a line, in vectors.jsonl.

Needs `terraform` (the results are those of 1.11.4) and no network. Each expression runs on its own, since the first
error ends a console. A line of the result is {"expression": …, "result": …} or {"expression": …, "error": true}.
"""

import base64
import json
import pathlib
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).parent


def record(expression):
    with tempfile.TemporaryDirectory() as empty_folder:
        console = subprocess.run(
            ["terraform", "console"],
            input=f"base64encode(jsonencode({expression}))\n",
            capture_output=True,
            text=True,
            cwd=empty_folder,
        )
    if "panic" in console.stderr:
        raise SystemExit(f"Terraform itself failed at {expression}")
    if console.returncode != 0:
        return {"expression": expression, "error": True}
    if not console.stdout.startswith('"'):
        raise SystemExit(f"no value for {expression}: {console.stdout}")
    return {"expression": expression, "result": json.loads(base64.b64decode(json.loads(console.stdout)))}


def main():
    expressions = (HERE / "expressions.txt").read_text(encoding="utf-8").splitlines()
    with ThreadPoolExecutor(4) as pool:
        vectors = pool.map(record, expressions)
        lines = [json.dumps(vector, ensure_ascii=False) + "\n" for vector in vectors]
    (HERE / "vectors.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main()
