#!/usr/bin/env python3
"""Records what Terraform makes of expressions.txt in vectors.jsonl, and of conversions.txt in conversions.jsonl.

Needs `terraform` (the results are those of 1.11.4) and no network. Each expression runs on its own, since the first
error ends a console. A line of the result is {"expression": …, "result": …} or {"expression": …, "error": true};
those of conversions also have the "type" of the variable that is given the expression.
"""

import base64
import json
import pathlib
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).parent


def evaluate(expression, variable_type=None):
    with tempfile.TemporaryDirectory() as folder:
        if variable_type is not None:
            variable = f"variable \"x\" {{\n  type    = {variable_type}\n  default = null\n}}\n"
            caller = f"module \"m\" {{\n  source = \"./m\"\n  x      = {expression}\n}}\n"
            module = pathlib.Path(folder, "m")
            module.mkdir()
            pathlib.Path(folder, "main.tf").write_text(caller, encoding="utf-8")
            (module / "main.tf").write_text(variable + "output \"x\" {\n  value = var.x\n}\n", encoding="utf-8")
            expression = "module.m.x"
            if subprocess.run(["terraform", "init"], capture_output=True, cwd=folder).returncode != 0:
                return {"error": True}
        console = subprocess.run(
            ["terraform", "console"],
            input=f"base64encode(jsonencode({expression}))\n",
            capture_output=True,
            text=True,
            cwd=folder,
        )
    if "panic" in console.stderr:
        raise SystemExit(f"Terraform itself failed at {expression}")
    if console.returncode != 0 or "Error: " in console.stderr:
        return {"error": True}
    if not console.stdout.startswith('"'):
        raise SystemExit(f"no value for {expression}: {console.stdout}")
    return {"result": json.loads(base64.b64decode(json.loads(console.stdout)))}


def record_expression(line):
    return {"expression": line} | evaluate(line)


def record_conversion(line):
    variable_type, expression = line.split(" ;; ")
    return {"type": variable_type, "expression": expression} | evaluate(expression, variable_type)


def record_all(record, source, target):
    with ThreadPoolExecutor(4) as pool:
        vectors = pool.map(record, (HERE / source).read_text(encoding="utf-8").splitlines())
        lines = [json.dumps(vector, ensure_ascii=False) + "\n" for vector in vectors]
    (HERE / target).write_text("".join(lines), encoding="utf-8")


def main():
    record_all(record_expression, "expressions.txt", "vectors.jsonl")
    record_all(record_conversion, "conversions.txt", "conversions.jsonl")


if __name__ == "__main__":
    main()
