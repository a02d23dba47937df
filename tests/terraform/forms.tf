# What cannot be written on one line of a console: heredocs, templates over several lines, and references.
locals {
  name  = "web"
  names = ["a", "b"]
  empty = []

  plain = <<EOT
first
  second

last
EOT

  plain_empty = <<EOT
EOT

  plain_blank = <<EOT

EOT

  flush = <<-EOT
    first
      second

    last
  EOT

  flush_less_at_the_end = <<-EOT
      first
        second
  EOT

  flush_end_further_in = <<-EOT
    first
    second
        EOT

  flush_first_deeper = <<-EOT
        first
    second
      third
  EOT

  flush_tabs = <<-EOT
		first
			second
	EOT

  flush_tabs_and_spaces = <<-EOT
	  first
    	second
  EOT

  flush_blank_lines_with_spaces = <<-EOT
    first
  
      
    last
  EOT

  flush_empty = <<-EOT
  EOT

  flush_interpolated = <<-EOT
    name ${local.name}
      ${local.name} indented
    ${local.name}
  EOT

  flush_starts_with_interpolation = <<-EOT
      ${local.name}
        x
  EOT

  flush_multiline_value = <<-EOT
    before
      ${local.plain}after
  EOT

  flush_in_interpolation = <<-EOT
    ${join(",", [
  "a",
"b"])}
    end
  EOT

  flush_directives = <<-EOT
    %{if local.name == "web"}
    web
    %{else}
    other
    %{endif}
    end
  EOT

  flush_directives_stripped = <<-EOT
    %{if local.name == "web"~}
    web
    %{else~}
    other
    %{endif~}
    end
  EOT

  flush_loop = <<-EOT
    %{for name in local.names~}
      - ${name}
    %{endfor~}
    end
  EOT

  flush_loop_unstripped = <<-EOT
    %{for index, name in local.names}
      ${index}: ${name}
    %{endfor}
    end
  EOT

  flush_loop_of_nothing = <<-EOT
    start
    %{for name in local.empty~}
    ${name}
    %{endfor~}
    end
  EOT

  flush_nested = <<-EOT
    %{for name in local.names~}
    %{if name != "a"~}
    ${name}
    %{else~}
    first ${name}
    %{endif~}
    %{endfor~}
  EOT

  flush_strip_before = <<-EOT
    a
    %{~if true}
    b
    %{~endif}
    c
  EOT

  strip_interpolation = <<EOT
a
  ${~local.name~}
  b
EOT

  strip_at_start_and_end = <<EOT
${~"x"~}
EOT

  escapes = <<EOT
$${name} %%{if} $$ % \n \t "quoted" \\ \u00e9
$$$${name} $ {name} %{~if true}x%{endif}
EOT

  marker_inside = <<EOT
EOTX
x EOT
EOT

  marker_with_dash = <<END-OF-TEXT
a
END-OF-TEXT

  marker_then_more = [<<A
one
A
    , <<-B
      two
    B
  ]

  marker_in_call = trimspace(<<-EOT
    text
  EOT
  )

  marker_in_object = {
    a = <<-EOT
      in an object
    EOT
    b = 1
  }

  nested_heredoc = <<-OUTER
    outer
    ${upper(<<-INNER
      inner
    INNER
)}
    end
  OUTER

  trailing_spaces = <<EOT
a  
b	
EOT

  json = <<-EOT
    {
      "name": "${local.name}",
      "list": ${jsonencode(local.names)}
    }
  EOT

  indented_value = <<-EOT
    list:
      ${indent(6, yamlencode(["a", { b = "c" }]))}
    end
  EOT

  unicode = <<-EOT
    é日本 ${"\u00e9"}
     nonbreaking
  EOT

  template_text  = "Hello $${name}, %%{ if big }BIG%%{ else }small%%{ endif }"
  rendered       = templatestring(local.template_text, { name = "x", big = true })
  rendered_small = templatestring(local.template_text, { name = 1, big = "false" })
  rendered_not   = try(templatestring(local.template_text, { name = 1 }), "missing variable")
  rendered_null  = try(templatestring(local.template_text, { name = null, big = true }), "null")
  rendered_only  = can(templatestring(local.only, { values = ["a"] }))
  only           = "$${values}"
  rendered_loop  = templatestring(local.loop, { values = ["a", "b"] })
  loop           = "%%{ for value in values ~}\n<$${value}>\n%%{ endfor ~}\nend"
  rendered_open  = can(templatestring(local.open, {}))
  open           = "%%{ if true }"

  conditional_over_lines = (
    local.name == "web"
    ? "yes"
    : "no"
  )

  object_over_lines = {
    a = 1
    b = "two", c = 3
    "quoted key" = true
    (local.name) = local.names
    "${local.name}-x" = {
      inner = [
        1,
        2,
      ]
    }
  }

  for_over_lines = {
    for name in local.names :
    name => upper(name)
    if name != "x"
  }

  chain        = local.object_over_lines["web-x"].inner[*]
  splat        = local.hosts[*].name
  splat_legacy = local.hosts.*.name
  splat_index  = local.hosts[*].tags["a"]
  splat_single = local.hosts[0][*].name
  splat_null   = local.nothing[*].name
  hosts        = [{ name = "one", tags = { a = 1 } }, { name = "two", tags = { a = 2 } }]
  nothing      = null

  comments = [ # one
    1,         // two
    /* three */ 2
  ]

  key_of_variable = { name = 1, (local.name) = 2 }
  merged          = merge({ for host in local.hosts : host.name => host.tags }, { three = { a = 3 } })
  grouped         = { for host in local.hosts : length(host.name) => host.name... }
  flat            = flatten([for host in local.hosts : [for key, value in host.tags : "${host.name}.${key}=${value}"]])
  deep            = [for first in [1, 2] : { for second in ["x", "y"] : second => first if first != 2 || second == "y" }]
}
