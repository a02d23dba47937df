#!/usr/bin/env python3
"""Measures imdslint: one small file beside `--version`, and a generated tree of 10,000 files beside parse-only passes.

Usage: benches/speed.py [--files N] [--runs N] [--curves] [--binaries FOLDER]

Builds the release binary, writes the tree into a temporary folder, and prints for each job the median and the best of
the runs in milliseconds of wall time, the median of user + system time, and the peak resident memory. With --curves it
prints the cost of each file in trees of growing size, and that of each module call in one root and in many, which stay
the same as long as the cost is linear. Nothing fails when it is slow: this is a benchmark, not a test.
"""

import argparse
import os
import pathlib
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent

MODULE_MAIN = """\
resource "aws_launch_template" "this" {
  name_prefix   = "${var.name}-"
  image_id      = var.image_id
  instance_type = var.instance_type

  dynamic "metadata_options" {
    for_each = var.metadata_options == null ? [] : [var.metadata_options]
    content {
      http_endpoint               = lookup(metadata_options.value, "http_endpoint", "enabled")
      http_tokens                 = metadata_options.value.http_tokens
      http_put_response_hop_limit = metadata_options.value.http_put_response_hop_limit
    }
  }

  user_data = base64encode(<<-EOT
    #!/bin/bash
    set -eu
    hostnamectl set-hostname ${var.name}
    yum install -y mackerel-agent
  EOT
  )
}

resource "aws_autoscaling_group" "this" {
  name     = aws_launch_template.this.name
  min_size = 1
  max_size = 2

  launch_template {
    id      = aws_launch_template.this.id
    version = "$Latest"
  }
}
"""

MODULE_VARIABLES = """\
variable "name" { type = string }
variable "image_id" { type = string }
variable "instance_type" {
  type    = string
  default = "t3.micro"
}
variable "metadata_options" {
  type = object({
    http_endpoint               = optional(string, "enabled")
    http_tokens                 = optional(string, "required")
    http_put_response_hop_limit = optional(number, 1)
  })
  default = {}
}
"""

SERVICE_MAIN = """\
locals {{
  name = "service-{n}"
  tags = merge(var.tags, {{ Service = local.name, Owner = "team-{team}" }})
}}

module "fleet" {{
  source   = "../../modules/fleet-{module}"
  name     = local.name
  image_id = data.aws_ssm_parameter.image.value
  metadata_options = {{
    http_tokens = "required"
  }}
}}

data "aws_ssm_parameter" "image" {{
  name = "/images/${{local.name}}"
}}

resource "aws_instance" "jump" {{
  count         = var.jump ? 1 : 0
  ami           = data.aws_ssm_parameter.image.value
  instance_type = "t3.nano"

  metadata_options {{
    http_endpoint = var.jump ? "enabled" : "disabled"
    http_tokens   = "required"
  }}

  tags = local.tags
}}
"""

SERVICE_VARIABLES = """\
variable "tags" {
  type    = map(string)
  default = {}
}
variable "jump" {
  type    = bool
  default = true
}
"""

SERVICE_NETWORK = """\
resource "aws_security_group" "this" {{
  name   = "service-{n}"
  vpc_id = "vpc-{n}"

  dynamic "ingress" {{
    for_each = toset([80, 443, 8080])
    content {{
      from_port   = ingress.value
      to_port     = ingress.value
      protocol    = "tcp"
      cidr_blocks = ["10.{team}.0.0/16"]
    }}
  }}
}}

resource "aws_iam_role" "this" {{
  name = "service-{n}"
  assume_role_policy = jsonencode({{
    Version = "2012-10-17"
    Statement = [{{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = {{ Service = "ec2.amazonaws.com" }}
    }}]
  }})
}}
"""

TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Endpoint:
    Type: String
    Default: enabled
  Image:
    Type: AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>
Conditions:
  HasEndpoint: !Equals [!Ref Endpoint, enabled]
Resources:
  Template{n}:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        ImageId: !Ref Image
        MetadataOptions:
          HttpEndpoint: !If [HasEndpoint, enabled, disabled]
          HttpTokens: required
        UserData:
          Fn::Base64: !Sub |
            #!/bin/bash
            yum install -y mackerel-agent
            /opt/aws/bin/cfn-signal --stack ${{AWS::StackName}} --resource Group{n} --region ${{AWS::Region}}
  Group{n}:
    Type: AWS::AutoScaling::AutoScalingGroup
    Properties:
      MinSize: "1"
      MaxSize: "2"
      LaunchTemplate:
        LaunchTemplateId: !Ref Template{n}
        Version: !GetAtt Template{n}.LatestVersionNumber
"""

CALLED_MODULE = """\
variable "name" { type = string }
variable "endpoint" {
  type    = string
  default = "enabled"
}

locals {
  options = { endpoint = var.endpoint, tags = { Name = "host-${var.name}" } }
}

resource "aws_instance" "this" {
  ami           = "ami-1"
  instance_type = "t3.micro"
  tags          = local.options.tags

  metadata_options {
    http_endpoint = local.options.endpoint
    http_tokens   = "required"
  }

  user_data = <<-EOT
    #!/bin/bash
    hostnamectl set-hostname ${var.name}
    yum install -y mackerel-agent
  EOT
}

output "id" { value = aws_instance.this.id }
"""

MODULE_CALL = """\
module "host_{n}" {{
  source = "{source}"
  name   = "host-{n}"
}}
"""

OTHER_YAML = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web-{n}
spec:
  replicas: 2
"""

MODULES = 50


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return 1


def write_tree(folder, wanted):
    """Writes at least `wanted` files: modules, services that call them, CloudFormation templates, and others' YAML."""
    count = 0
    for module in range(MODULES):
        base = folder / "modules" / f"fleet-{module}"
        count += write(base / "main.tf", MODULE_MAIN)
        count += write(base / "variables.tf", MODULE_VARIABLES)
    number = 0
    while count < wanted:
        names = {"n": number, "team": number % 200, "module": number % MODULES}
        base = folder / "services" / f"service-{number}"
        count += write(base / "main.tf", SERVICE_MAIN.format(**names))
        count += write(base / "variables.tf", SERVICE_VARIABLES)
        count += write(base / "network.tf", SERVICE_NETWORK.format(**names))
        count += write(folder / "templates" / f"stack-{number}.yaml", TEMPLATE.format(**names))
        count += write(folder / "deploy" / f"web-{number}.yaml", OTHER_YAML.format(**names))
        number += 1
    return count


def write_calls(folder, calls, roots):
    """Writes `calls` calls of one module, evenly over `roots` root modules."""
    write(folder / "module" / "main.tf", CALLED_MODULE)
    for root in range(roots):
        numbers = range(root * calls // roots, (root + 1) * calls // roots)
        text = "".join(MODULE_CALL.format(n=number, source="../../module") for number in numbers)
        write(folder / "roots" / f"root-{root}" / "main.tf", text)


def run_once(command):
    """Wall milliseconds, processor milliseconds, peak resident KiB."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = (time.perf_counter() - start) * 1000
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode not in (0, 1):
        raise SystemExit(f"{command} ended with {process.returncode}")
    return wall, (usage.ru_utime + usage.ru_stime) * 1000, usage.ru_maxrss


def measure(name, command, runs):
    run_once(command)
    results = [run_once(command) for _ in range(runs)]
    walls = [wall for wall, _, _ in results]
    median = statistics.median(walls)
    processor = statistics.median(processor for _, processor, _ in results)
    peak = max(peak for _, _, peak in results) / 1024
    shown = " ".join(f"{wall:.1f}" for wall in walls)
    print(f"{name:<24} median {median:8.1f} ms  best {min(walls):8.1f} ms  cpu {processor:8.1f} ms  "
          f"peak {peak:6.1f} MiB  runs: {shown}")
    return median


def print_costs(name, costs):
    """Prints the cost of one unit for each number of units, given as pairs of that number and milliseconds."""
    print(f"{name}: " + ", ".join(f"{count}: {milliseconds * 1000 / count:.0f} µs" for count, milliseconds in costs))


def measure_curves(linter, runs):
    by_files, in_one, spread = [], [], []
    for files in (1_000, 2_000, 5_000, 10_000):
        with tempfile.TemporaryDirectory() as name:
            write_tree(pathlib.Path(name), files)
            by_files.append((files, measure(f"{files} files", [linter, "check", name], runs)))
    for calls in (100, 300, 600, 1_000, 1_500):
        for roots, costs in ((1, in_one), (max(1, calls // 10), spread)):
            with tempfile.TemporaryDirectory() as name:
                write_calls(pathlib.Path(name), calls, roots)
                costs.append((calls, measure(f"{calls} calls, {roots} roots", [linter, "check", name], runs)))
    print_costs("cost of a file", by_files)
    print_costs("cost of a module call in one root", in_one)
    print_costs("cost of a module call, ten in a root", spread)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--curves", action="store_true", help="also measure trees and roots of growing size")
    parser.add_argument("--binaries", type=pathlib.Path, help="a folder with imdslint and parse_only as they were built")
    arguments = parser.parse_args()

    if arguments.binaries is None:
        build = ["cargo", "build", "--release", "--locked", "--bins", "--example", "parse_only"]
        subprocess.run(build, cwd=ROOT, check=True)
        target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
        linter, parser_only = str(target / "imdslint"), str(target / "examples" / "parse_only")
    else:
        linter, parser_only = str(arguments.binaries / "imdslint"), str(arguments.binaries / "parse_only")

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        small, tree = folder / "small", folder / "tree"
        write(small / "main.tf", SERVICE_MAIN.format(n=0, team=0, module=0).split("module \"fleet\"")[0]
              + 'resource "aws_instance" "web" {\n  metadata_options {\n    http_endpoint = "disabled"\n  }\n}\n')
        count = write_tree(tree, arguments.files)
        print(f"{count} files in the tree")
        version = measure("--version", [linter, "--version"], max(arguments.runs, 20))
        one = measure("check one small file", [linter, "check", str(small / "main.tf")], max(arguments.runs, 20))
        parse = measure("parse only, dropped", [parser_only, str(tree)], arguments.runs)
        kept = measure("parse only, kept", [parser_only, "--keep", str(tree)], arguments.runs)
        whole = measure("check the tree", [linter, "check", str(tree)], arguments.runs)
        if arguments.curves:
            measure_curves(linter, arguments.runs)
        print(f"one small file: {one / version:.2f} × --version; the tree: {whole / parse:.2f} × a parse-only pass that drops "
              f"each tree at once, {whole / kept:.2f} × one that keeps them all as the linter does")


if __name__ == "__main__":
    main()
