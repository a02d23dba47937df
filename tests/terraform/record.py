#!/usr/bin/env python3
"""Records what Terraform makes of the expressions and forms of this folder, for `tests/terraform_functions.rs`.

- `expressions.txt` (functions) and `language.txt` (operators, references, templates) become `vectors.jsonl` and
  `language.jsonl`: a line is {"expression": …, "result": …} or {"expression": …, "error": true}.
- `conversions.txt` becomes `conversions.jsonl`, whose lines also have the "type" of the variable that is given the
  expression.
- `forms.tf` becomes `forms.jsonl`: the value of each of its locals ("local"), once with the lines of the file ended
  as they are and once by carriage return and line feed ("crlf").
- The names of all functions become `functions.txt`.

What is in `files/` lies in the folder in which it is all evaluated. Needs `terraform` (the results are those of
1.11.4) and no network.
"""

import base64
import itertools
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor

HERE = pathlib.Path(__file__).parent


def prepare(folder):
    shutil.copytree(HERE / "files", folder, dirs_exist_ok=True)


def ask(folder, expressions):
    """What the console says to all of `expressions`, or nothing when one of them is at fault."""
    console = subprocess.run(
        ["terraform", "console"],
        input=f"base64encode(jsonencode([{', '.join(expressions)}]))\n",
        capture_output=True,
        text=True,
        cwd=folder,
    )
    if "state lock" in console.stderr:
        raise SystemExit("another console runs in the same folder")
    if "panic" in console.stderr and len(expressions) == 1:
        raise SystemExit(f"Terraform itself failed at {expressions[0]}")
    if console.returncode != 0 or "Error: " in console.stderr:
        return None
    if not console.stdout.startswith('"'):
        if len(expressions) == 1:
            raise SystemExit(f"no value for {expressions[0]}: {console.stdout}")
        return None
    results = json.loads(base64.b64decode(json.loads(console.stdout)))
    return results if len(results) == len(expressions) else None


def answers(folder, expressions):
    """The result of each expression, or that it has none. Many are asked for at once, since Terraform starts slowly."""
    results = ask(folder, expressions)
    if results is not None:
        return [{"result": result} for result in results]
    if len(expressions) == 1:
        return [{"error": True}]
    step = max(1, len(expressions) // 8)
    groups = [expressions[start:start + step] for start in range(0, len(expressions), step)]
    return [answer for group in groups for answer in answers(folder, group)]


def record_group(lines):
    # A folder of its own, since Terraform locks it.
    with tempfile.TemporaryDirectory() as folder:
        prepare(folder)
        return [{"expression": line} | answer for line, answer in zip(lines, answers(folder, lines))]


def record_expressions(lines):
    groups = [lines[start:start + 24] for start in range(0, len(lines), 24)]
    with ThreadPoolExecutor(4) as pool:
        return list(itertools.chain(*pool.map(record_group, groups)))


def record_conversion(line):
    variable_type, expression = line.split(" ;; ")
    variable = f"variable \"x\" {{\n  type    = {variable_type}\n  default = null\n}}\n"
    caller = f"module \"m\" {{\n  source = \"./m\"\n  x      = {expression}\n}}\n"
    vector = {"type": variable_type, "expression": expression}
    with tempfile.TemporaryDirectory() as folder:
        module = pathlib.Path(folder, "m")
        module.mkdir()
        pathlib.Path(folder, "main.tf").write_text(caller, encoding="utf-8")
        (module / "main.tf").write_text(variable + "output \"x\" {\n  value = var.x\n}\n", encoding="utf-8")
        if subprocess.run(["terraform", "init"], capture_output=True, cwd=folder).returncode != 0:
            return vector | {"error": True}
        return vector | answers(folder, ["module.m.x"])[0]


def record_forms():
    forms = (HERE / "forms.tf").read_text(encoding="utf-8")
    names = re.findall(r"^  (\w+) +=", forms, re.MULTILINE)
    vectors = []
    for line_end in ("\n", "\r\n"):
        with tempfile.TemporaryDirectory() as folder:
            prepare(folder)
            pathlib.Path(folder, "forms.tf").write_bytes(forms.replace("\n", line_end).encode())
            results = answers(folder, [f"local.{name}" for name in names])
        vectors += [{"local": name, "crlf": line_end == "\r\n"} | result for name, result in zip(names, results)]
    return vectors


def record_functions():
    command = ["terraform", "metadata", "functions", "-json"]
    signatures = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["function_signatures"]
    names = sorted({name.removeprefix("core::") for name in signatures})
    (HERE / "functions.txt").write_text("".join(f"{name}\n" for name in names), encoding="utf-8")


def lines_of(name):
    return (HERE / name).read_text(encoding="utf-8").splitlines()


def write(name, vectors):
    lines = [json.dumps(vector, ensure_ascii=False) + "\n" for vector in vectors]
    (HERE / name).write_text("".join(lines), encoding="utf-8")


def main():
    record_functions()
    write("vectors.jsonl", record_expressions(lines_of("expressions.txt")))
    write("language.jsonl", record_expressions(lines_of("language.txt")))
    write("forms.jsonl", record_forms())
    with ThreadPoolExecutor(4) as pool:
        write("conversions.jsonl", pool.map(record_conversion, lines_of("conversions.txt")))


if __name__ == "__main__":
    main()
