//! Terraform plans through the whole program: what is planned, and where its sources have it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use serde_json::{Value, json};
use support::{Project, Ran};

/// A resource as it is planned: its address, its type and name, and what is known of it.
struct Planned {
    module: &'static str,
    kind: &'static str,
    name: &'static str,
    index: Value,
    values: Value,
    unknown: Value,
}

/// An instance in the root module.
fn instance(name: &'static str, values: Value) -> Planned {
    Planned { module: "", kind: "aws_instance", name, index: Value::Null, values, unknown: json!({"id": true}) }
}

fn disabled() -> Value {
    json!({"metadata_options": [{"http_endpoint": "disabled"}]})
}

fn endpoint(value: &str) -> Value {
    json!({"metadata_options": [{"http_endpoint": value}]})
}

impl Planned {
    fn address(&self) -> String {
        let key = match &self.index {
            Value::Null => String::new(),
            Value::String(key) => format!("[{}]", json!(key.replace("${", "$${"))),
            number => format!("[{number}]"),
        };
        let module = if self.module.is_empty() { String::new() } else { format!("{}.", self.module) };
        format!("{module}{}.{}{key}", self.kind, self.name)
    }

    fn named(&self) -> Value {
        let mut named = json!({
            "address": self.address(), "mode": "managed", "type": self.kind, "name": self.name,
            "provider_name": "registry.terraform.io/hashicorp/aws",
        });
        if !self.index.is_null() {
            named["index"] = self.index.clone();
        }
        named
    }
}

/// The plan of `resources`, each in its module, with the root module's `variables` and the `configuration`.
fn plan(resources: &[Planned], variables: &Value, configuration: &Value) -> Value {
    let mut modules: Vec<(&str, Vec<Value>)> = Vec::new();
    let mut changes = Vec::new();
    for resource in resources {
        let mut planned = resource.named();
        planned["values"] = resource.values.clone();
        match modules.iter_mut().find(|(module, _)| *module == resource.module) {
            Some((_, all)) => all.push(planned),
            None => modules.push((resource.module, vec![planned])),
        }
        let mut change = resource.named();
        change["change"] = json!({
            "actions": ["create"], "before": null, "after": resource.values, "after_unknown": resource.unknown,
        });
        changes.push(change);
    }
    let root: Vec<_> =
        modules.iter().filter(|(module, _)| module.is_empty()).flat_map(|(_, all)| all.clone()).collect();
    let children: Vec<_> = modules
        .iter()
        .filter(|(module, _)| !module.is_empty())
        .map(|(module, all)| json!({"address": module, "resources": all}))
        .collect();
    let variables: serde_json::Map<_, _> =
        variables.as_object().unwrap().iter().map(|(name, value)| (name.clone(), json!({"value": value}))).collect();
    json!({
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "variables": variables,
        "planned_values": {"root_module": {"resources": root, "child_modules": children}},
        "resource_changes": changes,
        "configuration": configuration,
    })
}

/// A configuration whose root module declares `resources`, given by type, name and expressions.
fn configuration(resources: &[(&str, &str, Value)]) -> Value {
    let resource = |(kind, name, expressions): &(&str, &str, Value)| {
        json!({
            "address": format!("{kind}.{name}"), "mode": "managed", "type": kind, "name": name,
            "provider_config_key": "aws", "expressions": expressions,
        })
    };
    json!({"root_module": {"resources": resources.iter().map(resource).collect::<Vec<_>>()}})
}

/// What checking `files` and the plan in `plan.json` says, a line for each finding and problem.
fn check(files: &[(&str, &str)], plan: &Value, line: &str) -> Vec<String> {
    let project = Project::new(files);
    project.write("plan.json", plan.to_string());
    said(&project.run(line))
}

fn said(ran: &Ran) -> Vec<String> {
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    ran.stdout.lines().map(str::to_owned).collect()
}

/// The places and the severities of what was said.
fn places(said: &[String]) -> Vec<String> {
    said.iter().map(|line| line.split(": [").next().unwrap().to_owned()).collect()
}

const CHECK_PLAN: &str = "check plan.json --root . --format concise";
const CHECK_ALL: &str = "check . --root . --format concise";

/// A host whose endpoint nobody knows without the plan.
const OPEN_HOST: (&str, &str) = (
    "main.tf",
    "variable \"endpoint\" {}\nresource \"aws_instance\" \"web\" {\n  metadata_options {\n    http_endpoint = var.endpoint\n  }\n}\n",
);

fn of_open_host() -> Value {
    let expressions = json!({"metadata_options": [{"http_endpoint": {"references": ["var.endpoint"]}}]});
    plan(
        &[instance("web", disabled())],
        &json!({"endpoint": "disabled"}),
        &configuration(&[("aws_instance", "web", expressions)]),
    )
}

#[test]
fn a_value_of_the_plan_is_found_at_the_expression_in_the_sources() {
    let expected = ["main.tf:4:21: warning"];
    assert_eq!(places(&check(&[OPEN_HOST], &of_open_host(), CHECK_PLAN)), expected);
    assert_eq!(places(&check(&[OPEN_HOST], &of_open_host(), CHECK_ALL)), expected, "one mistake is one finding");
    assert_eq!(check(&[OPEN_HOST], &json!({}), CHECK_ALL), [""; 0], "without the plan it is not known");
}

#[test]
fn a_plan_without_sources_is_found_in_the_plan_itself() {
    let plan = of_open_host();
    let text = plan.to_string();
    let column = text.find("\"disabled\"}},").unwrap_or_else(|| text.rfind("\"disabled\"").unwrap()) + 1;
    let found = check(&[], &plan, CHECK_PLAN);
    assert_eq!(places(&found), [format!("plan.json:1:{column}: warning")]);
}

#[test]
fn what_stands_beside_a_finding_in_a_plan_is_not_shown() {
    let mut plan = of_open_host();
    plan["variables"] = json!({"password": {"value": "hunter2"}, "endpoint": {"value": "disabled"}});
    for (files, text) in [(&[OPEN_HOST][..], plan.to_string()), (&[], plan.to_string()), (&[], format!("{plan:#}"))] {
        let project = Project::new(files);
        project.write("plan.json", &text);
        for line in ["check plan.json --root .", "hosts plan.json --root . --format json"] {
            let shown = project.run(line).stdout;
            assert!(shown.contains("disabled") && !shown.contains("hunter2"), "{shown}");
        }
    }
}

#[test]
fn copies_of_one_resource_are_one_mistake_without_sources_too() {
    let expressions = json!({"metadata_options": [{"http_endpoint": {"constant_value": "disabled"}}]});
    let copy = |index: usize| Planned { index: json!(index), ..instance("web", disabled()) };
    let plan = plan(&[copy(0), copy(1), copy(2)], &json!({}), &configuration(&[("aws_instance", "web", expressions)]));
    let found = check(&[], &plan, CHECK_PLAN);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("`aws_instance.web[0]` and 2 other hosts"), "{found:?}");
}

#[test]
fn what_is_deleted_is_no_host() {
    let mut deleted = plan(&[instance("web", disabled())], &json!({}), &json!({"root_module": {}}));
    deleted["planned_values"] = json!({"root_module": {}});
    deleted["resource_changes"][0]["change"] =
        json!({"actions": ["delete"], "before": disabled(), "after": null, "after_unknown": {}});
    assert_eq!(check(&[], &deleted, CHECK_PLAN), [""; 0]);
    deleted.as_object_mut().unwrap().remove("planned_values");
    assert_eq!(check(&[], &deleted, CHECK_PLAN), [""; 0]);
    // What stays as it is is one.
    deleted["resource_changes"][0]["change"] =
        json!({"actions": ["no-op"], "before": disabled(), "after": disabled(), "after_unknown": {}});
    assert_eq!(check(&[], &deleted, CHECK_PLAN).len(), 1);
}

#[test]
fn a_resource_that_the_plan_does_not_make_is_not_judged_by_its_sources() {
    let sources = "variable \"count_of\" {\n  default = 1\n}\nresource \"aws_instance\" \"web\" {\n  count = var.count_of\n  metadata_options {\n    http_endpoint = \"disabled\"\n  }\n}\n";
    let configured = configuration(&[("aws_instance", "web", json!({}))]);
    let empty = plan(&[], &json!({"count_of": 0}), &configured);
    assert_eq!(places(&check(&[("main.tf", sources)], &json!({}), CHECK_ALL)), ["main.tf:7:21: warning"]);
    assert_eq!(check(&[("main.tf", sources)], &empty, CHECK_ALL), [""; 0]);
    // What was written after the plan was made is judged as without it.
    let newer = format!(
        "{sources}resource \"aws_instance\" \"new\" {{\n  metadata_options {{\n    http_endpoint = \"disabled\"\n  }}\n}}\n"
    );
    assert_eq!(places(&check(&[("main.tf", &newer)], &empty, CHECK_ALL)), ["main.tf:12:21: warning"]);
}

#[test]
fn the_plan_wins_where_it_contradicts_the_sources() {
    let files = [
        (
            "main.tf",
            "variable \"endpoint\" {\n  default = \"enabled\"\n}\nresource \"aws_instance\" \"web\" {\n  metadata_options {\n    http_endpoint = var.endpoint\n  }\n}\n",
        ),
        ("prod.tfvars", "endpoint = \"disabled\"\n"),
    ];
    let configured = configuration(&[("aws_instance", "web", json!({}))]);
    let of = |variable: &str, planned: &str| {
        plan(&[instance("web", endpoint(planned))], &json!({"endpoint": variable}), &configured)
    };
    let at_variables = ["prod.tfvars:1:12: warning"];
    assert_eq!(places(&check(&files, &json!({}), CHECK_ALL)), at_variables, "prod.tfvars may be used");
    assert_eq!(places(&check(&files, &of("disabled", "disabled"), CHECK_ALL)), at_variables, "it was used");
    assert_eq!(check(&files, &of("enabled", "enabled"), CHECK_ALL), [""; 0], "it was not used");
    let found = check(&files[..1], &of("disabled", "disabled"), CHECK_ALL);
    assert_eq!(places(&found), ["main.tf:6:21: warning"], "a value of the command line");
    let literal = files[0].1.replace("var.endpoint", "\"enabled\"");
    let found = check(&[("main.tf", &literal)], &of("enabled", "disabled"), CHECK_ALL);
    assert_eq!(places(&found), ["main.tf:6:21: warning"], "the sources changed since");
}

#[test]
fn variables_of_the_plan_decide_in_the_sources() {
    let sources = "variable \"options\" {\n  type = object({ endpoint = optional(string), size = optional(number, 1) })\n}\nresource \"aws_instance\" \"web\" {\n  metadata_options {\n    http_endpoint = var.options.endpoint != null ? var.options.endpoint : \"disabled\"\n  }\n}\n";
    let configured = configuration(&[("aws_instance", "web", json!({}))]);
    let of = |options: Value, planned: &str| {
        check(
            &[("main.tf", sources)],
            &plan(&[instance("web", endpoint(planned))], &json!({"options": options}), &configured),
            CHECK_PLAN,
        )
    };
    assert_eq!(places(&of(json!({"endpoint": null}), "disabled")), ["main.tf:6:75: warning"]);
    assert_eq!(places(&of(json!({}), "disabled")), ["main.tf:6:75: warning"]);
    assert_eq!(places(&of(json!({"endpoint": "disabled"}), "disabled")), ["main.tf:6:21: warning"]);
    assert_eq!(of(json!({"endpoint": "enabled"}), "enabled"), [""; 0]);
}

#[test]
fn modules_with_keys_lead_to_the_literal_in_the_call() {
    let files = [
        (
            "infra/main.tf",
            "variable \"fleets\" {}\nmodule \"fleet\" {\n  source   = \"./fleet\"\n  for_each = var.fleets\n  endpoint = each.key == \"a\\\"b\" ? \"disabled\" : \"enabled\"\n}\n",
        ),
        (
            "infra/fleet/main.tf",
            "variable \"endpoint\" {}\nresource \"aws_launch_template\" \"this\" {\n  count = 2\n  metadata_options {\n    http_endpoint = var.endpoint\n  }\n}\n",
        ),
    ];
    let copy = |module, index: usize, value: &str| Planned {
        module,
        kind: "aws_launch_template",
        index: json!(index),
        ..instance("this", endpoint(value))
    };
    let quoted = "module.fleet[\"a\\\"b\"]";
    let resources =
        [copy("module.fleet[\"web\"]", 0, "enabled"), copy(quoted, 0, "disabled"), copy(quoted, 1, "disabled")];
    let configured = json!({"root_module": {"module_calls": {"fleet": {"source": "./fleet", "expressions": {}, "module": {
        "resources": [{"address": "aws_launch_template.this", "mode": "managed", "type": "aws_launch_template", "name": "this", "expressions": {}}],
    }}}}});
    let plan = plan(&resources, &json!({"fleets": {"web": 1, "a\"b": 2}}), &configured);
    for line in [CHECK_PLAN, CHECK_ALL] {
        let found = check(&files, &plan, line);
        assert_eq!(places(&found), ["infra/main.tf:5:35: warning"]);
        assert!(
            found[0].contains("`module.fleet[\"a\\\"b\"].aws_launch_template.this[0]` and 1 other host"),
            "{found:?}"
        );
    }
}

/// A group whose template's id is known only after the plan was carried out.
fn group(module: &'static str, index: Value) -> Planned {
    Planned {
        module,
        kind: "aws_autoscaling_group",
        name: "web",
        index,
        values: json!({"launch_template": [{"version": "$Latest"}]}),
        unknown: json!({"id": true, "launch_template": [{"id": true, "name": true}]}),
    }
}

fn template(index: Value) -> Planned {
    Planned { kind: "aws_launch_template", index, ..instance("web", disabled()) }
}

/// The hosts that `imdslint hosts` lists, each with what it launches.
fn launches(plan: &Value) -> Vec<String> {
    let project = Project::new(&[]);
    project.write("plan.json", plan.to_string());
    let mut hosts: Vec<String> = Vec::new();
    for line in project.run("hosts plan.json --root .").stdout.lines() {
        match (line.strip_prefix("  launches   "), line.split_once("  plan.json")) {
            (Some(launched), _) => {
                let host = hosts.last_mut().unwrap();
                host.push_str(" launches ");
                host.push_str(launched);
            }
            (None, Some((host, _))) => hosts.push(host.to_owned()),
            _ => {}
        }
    }
    hosts
}

#[test]
fn an_unknown_attribute_leads_to_the_resource_that_it_refers_to() {
    let by = |references: Value| json!({"launch_template": [{"id": {"references": references}}]});
    let of = |resources: &[Planned], references: Value| {
        let configured = configuration(&[
            ("aws_launch_template", "web", json!({})),
            ("aws_autoscaling_group", "web", by(references)),
        ]);
        launches(&plan(resources, &json!({}), &configured))
    };
    let host = |name: &str, group: &str| format!("aws_launch_template.{name} launches aws_autoscaling_group.{group}");
    let single = [template(Value::Null), group("", Value::Null)];
    assert_eq!(of(&single, json!(["aws_launch_template.web.id", "aws_launch_template.web"])), [host("web", "web")]);
    let keyed =
        [template(json!("a.b")), template(json!("q\"${z}")), group("", json!("a.b")), group("", json!("q\"${z}"))];
    assert_eq!(
        of(&keyed, json!(["aws_launch_template.web", "each.key"])),
        [host("web[\"a.b\"]", "web[\"a.b\"]"), host("web[\"q\\\"${z}\"]", "web[\"q\\\"${z}\"]")]
    );
    let second = [template(json!(0)), template(json!(1)), group("", Value::Null)];
    let references = json!(["aws_launch_template.web[1].id", "aws_launch_template.web[1]", "aws_launch_template.web"]);
    assert_eq!(of(&second, references), ["aws_launch_template.web[0]".to_owned(), host("web[1]", "web")]);
}

#[test]
fn references_are_followed_through_arguments_and_outputs() {
    let group_in_module = json!({
        "resources": [{
            "address": "aws_autoscaling_group.web", "mode": "managed", "type": "aws_autoscaling_group", "name": "web",
            "expressions": {"launch_template": [{"id": {"references": ["var.template"]}}]},
        }],
    });
    let template_in_module = json!({
        "resources": [{"address": "aws_launch_template.web", "mode": "managed", "type": "aws_launch_template", "name": "web", "expressions": {}}],
        "outputs": {"id": {"expression": {"references": ["aws_launch_template.web.id", "aws_launch_template.web"]}}},
    });
    let configured = json!({"root_module": {"module_calls": {
        "group": {"source": "./g", "expressions": {"template": {"references": ["module.templates.id", "module.templates"]}}, "module": group_in_module},
        "templates": {"source": "./t", "expressions": {}, "module": template_in_module},
    }}});
    let resources =
        [Planned { module: "module.templates", ..template(Value::Null) }, group("module.group[\"x\"]", Value::Null)];
    let group = "module.group[\"x\"].aws_autoscaling_group.web";
    let expected = format!("module.templates.aws_launch_template.web launches {group}");
    assert_eq!(launches(&plan(&resources, &json!({}), &configured)), [expected]);
}

#[test]
fn what_nobody_wrote_is_left_to_the_account() {
    let unknown = json!({"id": true, "metadata_options": true, "user_data": true});
    let web = Planned { unknown, ..instance("web", json!({"ami": "ami-1"})) };
    let account =
        Planned { kind: "aws_ec2_instance_metadata_defaults", ..instance("all", json!({"http_endpoint": "disabled"})) };
    let configured = configuration(&[
        ("aws_instance", "web", json!({"ami": {"constant_value": "ami-1"}})),
        ("aws_ec2_instance_metadata_defaults", "all", json!({"http_endpoint": {"constant_value": "disabled"}})),
    ]);
    let found = check(&[], &plan(&[web, account], &json!({}), &configured), CHECK_PLAN);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("IMDS102") && found[0].contains("1 host here takes it over"), "{found:?}");
}

#[test]
fn a_computed_endpoint_is_unknown() {
    let unknown = json!({"metadata_options": [{"http_endpoint": true}]});
    let web = Planned { unknown, ..instance("web", json!({"metadata_options": [{}]})) };
    let expressions = json!({"metadata_options": [{"http_endpoint": {"references": ["terraform_data.x.output", "terraform_data.x"]}}]});
    let plan = plan(&[web], &json!({}), &configuration(&[("aws_instance", "web", expressions)]));
    assert_eq!(check(&[], &plan, CHECK_PLAN), [""; 0]);
    let found = check(&[], &plan, "check plan.json --root . --format concise --strict-unknown");
    assert!(found.len() == 1 && found[0].contains("`terraform_data.x.output`"), "{found:?}");
}

const SCRIPT: &str =
    "#!/bin/bash\niptables -I OUTPUT -d 169.254.169.254 -j REJECT\napt-get install -y mackerel-agent\n";

#[test]
fn a_digest_is_no_script() {
    let sources =
        format!("resource \"aws_instance\" \"web\" {{\n  user_data = <<-EOT\n{}  EOT\n}}\n", indented(SCRIPT));
    let of = |user_data: &str| {
        let configured =
            configuration(&[("aws_instance", "web", json!({"user_data": {"references": ["local.script"]}}))]);
        plan(&[instance("web", json!({"user_data": user_data}))], &json!({}), &configured)
    };
    let digest = of("bd8c0ad07ed0bd55a1d5ca56e1d8d0bb0a9ab5ea");
    assert_eq!(check(&[], &digest, CHECK_PLAN), [""; 0], "nothing is known of it");
    assert_eq!(check(&[("main.tf", &sources)], &digest, CHECK_PLAN), [""; 0], "it is that of another script");
    let places_of = |plan: &Value| places(&check(&[("main.tf", &sources)], plan, CHECK_PLAN));
    assert_eq!(places_of(&of(SCRIPT)), ["main.tf:4:5: error"]);
    assert_eq!(places_of(&of(&sha1(SCRIPT))), ["main.tf:4:5: error"], "the sources have the script");
}

fn indented(script: &str) -> String {
    script.lines().map(|line| format!("    {line}\n")).collect::<Vec<_>>().concat()
}

fn sha1(text: &str) -> String {
    use sha1::Digest;
    sha1::Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

#[test]
fn a_text_with_holes_is_filled_by_the_plan() {
    let sources = "resource \"aws_instance\" \"web\" {\n  user_data = <<-EOT\n    #!/bin/bash\n    target=${data.external.x.result.target}\n    iptables -I OUTPUT -d 169.254.169.254 -j $target\n    apt-get install -y mackerel-agent\n  EOT\n}\ndata \"external\" \"x\" {\n  program = []\n}\n";
    let of = |target: &str| {
        let script = format!(
            "#!/bin/bash\ntarget={target}\niptables -I OUTPUT -d 169.254.169.254 -j $target\napt-get install -y mackerel-agent\n"
        );
        let configured = configuration(&[(
            "aws_instance",
            "web",
            json!({"user_data": {"references": ["data.external.x.result.target"]}}),
        )]);
        plan(&[instance("web", json!({"user_data": script}))], &json!({}), &configured)
    };
    let files = [("main.tf", sources)];
    assert_eq!(places(&check(&files, &of("REJECT"), CHECK_PLAN)), ["main.tf:5:5: error"]);
    assert_eq!(check(&files, &of("ACCEPT"), CHECK_PLAN), [""; 0]);
}

#[test]
fn a_module_that_is_not_here_is_judged_by_the_plan_at_what_is_passed_to_it() {
    let source = "module \"ec2\" {\n  source  = \"terraform-aws-modules/ec2-instance/aws\"\n  version = \"5.0.0\"\n  metadata_options = {\n    http_endpoint = \"disabled\"\n  }\n}\n";
    let web = Planned { module: "module.ec2", index: json!(0), ..instance("this", disabled()) };
    let configured = json!({"root_module": {"module_calls": {"ec2": {"source": "terraform-aws-modules/ec2-instance/aws", "expressions": {}, "module": {}}}}});
    let plan = plan(&[web], &json!({}), &configured);
    for line in [CHECK_PLAN, CHECK_ALL] {
        let found = check(&[("main.tf", source)], &plan, line);
        assert_eq!(places(&found), ["main.tf:5:21: warning"]);
        assert!(found[0].contains("`module.ec2.aws_instance.this[0]` is"), "{found:?}");
    }
    let by_default = source.replace("  metadata_options = {\n    http_endpoint = \"disabled\"\n  }\n", "");
    assert_eq!(places(&check(&[("main.tf", &by_default)], &plan, CHECK_PLAN)), ["main.tf:1:1: warning"]);
}

#[test]
fn the_root_module_is_found_near_the_plan_or_by_its_names() {
    let (_, host) = OPEN_HOST;
    let other = host.replace("\"web\"", "\"db\"");
    let plan = of_open_host();
    let at = |files: &[(&str, &str)], path: &str| {
        let project = Project::new(files);
        project.write(path, plan.to_string());
        places(&said(&project.run(&format!("check {path} --root . --format concise"))))
    };
    assert_eq!(
        at(&[("infra/main.tf", host), ("main.tf", &other)], "infra/out/plan.json"),
        ["infra/main.tf:4:21: warning"]
    );
    assert_eq!(at(&[("infra/main.tf", host), ("other/main.tf", &other)], "plan.json"), ["infra/main.tf:4:21: warning"]);
    let found = at(&[("a/main.tf", host), ("b/main.tf", host)], "plan.json");
    assert!(found.len() == 1 && found[0].starts_with("plan.json:1:"), "nobody knows which: {found:?}");
    assert_eq!(at(&[("a/main.tf", host), ("b/main.tf", host)], "b/plan.json"), ["b/main.tf:4:21: warning"]);
}

#[test]
fn suppressions_in_the_sources_hide_findings_of_a_plan() {
    let suppressed =
        OPEN_HOST.1.replace("    http_endpoint", "    # imdslint: ignore[IMDS101] no agent\n    http_endpoint");
    assert_eq!(check(&[("main.tf", &suppressed)], &of_open_host(), CHECK_PLAN), [""; 0]);
    assert_eq!(check(&[("main.tf", &suppressed)], &of_open_host(), CHECK_ALL), [""; 0]);
}

#[test]
fn fixes_edit_sources_and_never_the_plan() {
    let configured = configuration(&[("aws_instance", "web", json!({}))]);
    let plan = plan(&[instance("web", disabled())], &json!({"endpoint": "disabled"}), &configured);
    let written = OPEN_HOST.1.replace("= var.endpoint", "= \"disabled\"");
    let project = Project::new(&[("main.tf", &written)]);
    project.write("plan.json", plan.to_string());
    project.run("check . --root . --fix --unsafe-fixes");
    assert!(project.read("main.tf").contains("http_endpoint = \"enabled\""), "{}", project.read("main.tf"));
    assert_eq!(project.read("plan.json"), plan.to_string());

    let alone = Project::new(&[]);
    alone.write("plan.json", plan.to_string());
    alone.run("check . --root . --fix --unsafe-fixes");
    assert_eq!(alone.read("plan.json"), plan.to_string());
    let report = alone.run("check . --root . --format json").json();
    assert_eq!(report["findings"][0]["fixes"].as_array().map(Vec::len), Some(0), "{report}");
}

#[test]
fn a_plan_is_told_by_its_content_whatever_it_is_called() {
    let plan = of_open_host().to_string();
    let project = Project::new(&[("out.txt", &plan), ("plan.json", &plan)]);
    let listed = project.run("files plan.json --root . --format json").json();
    assert_eq!(listed["files"][0]["kind"], "terraform-plan");
    for line in
        ["check out.txt --root . --format concise", "check plan.json --kind terraform --root . --format concise"]
    {
        assert_eq!(said(&project.run(line)).len(), 1, "{line}");
    }
    for line in ["check - --kind terraform --format concise", "check - --stdin-filename p.json --format concise"] {
        assert_eq!(said(&project.run_with_input(line, &plan)).len(), 1, "{line}");
    }
    let state = json!({"format_version": "1.0", "terraform_version": "1.11.4", "values": {"root_module": {"resources": [
        {"address": "aws_instance.web", "mode": "managed", "type": "aws_instance", "name": "web", "values": disabled()},
    ]}}});
    assert_eq!(
        project.run_with_input("check - --stdin-filename s.json --format concise", &state.to_string()).stdout,
        ""
    );
}

#[test]
fn a_malformed_plan_is_a_problem_with_a_position() {
    let head = "\"format_version\":\"1.2\",\"terraform_version\":\"1.11.4\",";
    for (text, place, message) in [
        (format!("{{{head}\n\"planned_values\":{{\"root_module\":"), "plan.json:2:", "EOF while parsing"),
        (format!("{{{head}\n\"planned_values\":3}}"), "plan.json:2:", "invalid type"),
        (
            format!("{{{head}\"planned_values\":{{\"root_module\":{{\"resources\":[\n{{\"mode\":\"managed\"}}]}}}}}}"),
            "plan.json:2:",
            "missing field",
        ),
        (
            format!(
                "{{{head}\"planned_values\":{{\"root_module\":{{\"child_modules\":[\n{{\"address\":\"module.\"}}]}}}}}}"
            ),
            "plan.json:2:12",
            "no address of a module",
        ),
        (
            "{\"terraform_version\":\"3\",\"planned_values\":{},\n\"format_version\":\"2.0\"}".to_owned(),
            "plan.json:2:18",
            "format 2.0",
        ),
        (format!("{{{head}\"planned_values\":{{}},\n\"errored\":true}}"), "plan.json:2:11", "failed"),
    ] {
        let project = Project::new(&[("plan.json", &text)]);
        let report = project.run("check plan.json --root . --format json").json();
        let problem = &report["problems"][0];
        let start = &problem["range"]["start"];
        let at = format!("{}:{}:{}", problem["path"].as_str().unwrap(), start["line"], start["column"]);
        assert!(
            at.starts_with(place) && problem["message"].as_str().unwrap().contains(message),
            "{text}: {at} {problem}"
        );
    }
}

#[test]
fn hostile_plans_end() {
    let deep = |open: &str, close: &str, levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
    let nested_modules = deep("{\"child_modules\":[", "]}", 5_000);
    let nested_values = deep("[", "]", 50_000);
    let head = "{\"format_version\":\"1.2\",\"terraform_version\":\"1.11.4\",";
    let of_values = |values: &str| {
        format!(
            "{head}\"planned_values\":{{\"root_module\":{{\"resources\":[{{\"address\":\"aws_instance.web\",\"mode\":\"managed\",\"type\":\"aws_instance\",\"name\":\"web\",\"values\":{{\"user_data\":{values}}}}}]}}}}}}"
        )
    };
    let circle = json!({"root_module": {"module_calls": {"m": {"expressions": {"x": {"references": ["module.m.y"]}}, "module": {
        "resources": [{"mode": "managed", "type": "aws_autoscaling_group", "name": "web", "expressions": {"launch_template": [{"id": {"references": ["var.x"]}}]}}],
        "outputs": {"y": {"expression": {"references": ["var.x"]}}},
    }}}}});
    for text in [
        format!("{head}\"planned_values\":{{\"root_module\":{nested_modules}}}}}"),
        of_values(&nested_values),
        of_values("\"\\ud800\""),
        plan(&[group("module.m", Value::Null)], &json!({}), &circle).to_string(),
    ] {
        let ran = Project::new(&[("plan.json", &text)]).run("check plan.json --root . --format concise");
        assert!(!ran.stderr.contains("panicked") && (0..=3).contains(&ran.code), "{ran:?}");
    }
}

#[test]
fn a_plan_is_quoted_without_the_values_that_are_not_meant() {
    let values = json!({
        "key_name": "\"pass: word\"",
        "metadata_options": [{"http_endpoint": "disabled", "http_tokens": "hunter2", "list": ["hunter2"]}],
    });
    let plan = plan(&[instance("web", values)], &json!({}), &json!({}));
    for text in [serde_json::to_string_pretty(&plan).unwrap(), plan.to_string()] {
        let shown = Project::new(&[("plan.json", &text)]).run("check --format text").stdout;
        assert!(shown.contains("\"disabled\""), "{shown}");
        assert!(!["pass", "word", "hunter2"].iter().any(|secret| shown.contains(secret)), "{shown}");
        let is_on_lines = text.contains('\n');
        assert_eq!(shown.contains("\"http_tokens\": \"*******\""), is_on_lines, "{shown}");
    }
}

#[test]
fn plans_in_utf16_are_read_and_never_edited() {
    let plan = serde_json::to_string_pretty(&of_open_host()).unwrap().replace('\n', "\r\n");
    let units = |text: &str| format!("\u{feff}{text}").encode_utf16().collect::<Vec<_>>();
    let little: Vec<u8> = units(&plan).into_iter().flat_map(u16::to_le_bytes).collect();
    let big: Vec<u8> = units(&plan).into_iter().flat_map(u16::to_be_bytes).collect();
    let in_utf8 = Project::new(&[]);
    in_utf8.write("plan.json", &plan);
    let expected = said(&in_utf8.run(CHECK_PLAN));
    assert_eq!(places(&expected).len(), 1, "{expected:?}");
    for bytes in [little, big] {
        for name in ["plan.json", "plan.txt"] {
            let project = Project::new(&[]);
            project.write(name, &bytes);
            let line = format!("check {name} --root . --format concise");
            let moved: Vec<String> = expected.iter().map(|line| line.replacen("plan.json", name, 1)).collect();
            assert_eq!(said(&project.run(&line)), moved, "{name}");
            project.run(&format!("check {name} --root . --fix --unsafe-fixes"));
            assert_eq!(std::fs::read(project.path(name)).unwrap(), bytes);
        }
        let sources = Project::new(&[OPEN_HOST]);
        sources.write("plan.json", &bytes);
        assert_eq!(places(&said(&sources.run(CHECK_PLAN))), ["main.tf:4:21: warning"]);
    }
}

#[test]
fn terraform_in_utf16_stays_a_problem() {
    let project = Project::new(&[]);
    let units = format!("\u{feff}{}", OPEN_HOST.1).encode_utf16().collect::<Vec<_>>();
    project.write("main.tf", units.into_iter().flat_map(u16::to_le_bytes).collect::<Vec<u8>>());
    let said = said(&project.run(CHECK_ALL));
    assert!(said.iter().any(|line| line.contains("not valid UTF-8")), "{said:?}");
}

#[test]
fn other_files_in_utf16_are_read_and_never_edited() {
    let template = "Resources:\r\n  Web:\r\n    Type: AWS::EC2::Instance\r\n    Properties:\r\n      \
        MetadataOptions: {HttpEndpoint: disabled}\r\n";
    let project = Project::new(&[]);
    let bytes: Vec<u8> = format!("\u{feff}{template}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    project.write("web.yaml", &bytes);
    assert_eq!(places(&said(&project.run(CHECK_ALL))), ["web.yaml:5:39: warning"]);
    project.run("check . --fix --unsafe-fixes");
    assert_eq!(std::fs::read(project.path("web.yaml")).unwrap(), bytes);
}
