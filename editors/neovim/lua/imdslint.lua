-- Runs imdslint on buffers, unsaved or not, and shows what it finds through vim.diagnostic. For Neovim 0.7 and later.
--
--   require("imdslint").setup()
--
-- Each diagnostic carries what else the finding says (note, help, subjects, labels, fixes, fingerprint) as
-- user_data.imdslint, with the names that `imdslint schema report` describes.

local M = {}

M.namespace = vim.api.nvim_create_namespace("imdslint")

M.options = {
  -- The program, with arguments if it needs any.
  command = { "imdslint" },
  -- More options of `imdslint check`, such as { "--require-agent", "mackerel-agent" }.
  arguments = {},
  -- The files that are looked at, and when. imdslint passes over what is none of its business.
  patterns = {
    "*.tf", "*.tf.json", "*.tfvars", "*.tfvars.json", "*.yaml", "*.yml", "*.json", "*.template",
    "*.pkr.hcl", "*.pkrvars.hcl", "*.sh", "*.bash", "*.ps1", "*.cmd", "*.bat", "*.tftpl", "*.tpl", "*.tmpl",
  },
  events = { "BufReadPost", "BufWritePost", "InsertLeave", "TextChanged" },
}

local severities = {
  error = vim.diagnostic.severity.ERROR,
  warning = vim.diagnostic.severity.WARN,
  note = vim.diagnostic.severity.INFO,
}

-- The running job of each buffer.
local jobs = {}

-- The lines that would be written if the buffer were saved now, byte order mark and line breaks included: a carriage
-- return in a script means something. Neovim joins them with line feeds.
local function stored_lines(buffer)
  local lines = vim.api.nvim_buf_get_lines(buffer, 0, -1, false)
  local options = vim.bo[buffer]
  local ends = options.endofline or (options.fixendofline and not options.binary)
  if options.fileformat == "dos" then
    for number, line in ipairs(lines) do
      if number < #lines or ends then
        lines[number] = line .. "\r"
      end
    end
  end
  if options.bomb and lines[1] then
    lines[1] = "\239\187\191" .. lines[1]
  end
  if ends then
    table.insert(lines, "")
  end
  return lines
end

-- The line and the byte column of a position of the report, both 0-based. The report counts UTF-16 code units there,
-- without a byte order mark, which is no part of the buffer either.
local function position(buffer, place)
  local line = vim.api.nvim_buf_get_lines(buffer, place.line, place.line + 1, false)[1] or ""
  local found, column = pcall(vim.str_byteindex, line, place.character, true)
  return place.line, found and column or #line
end

local function diagnostic(buffer, range, severity, code, message, data)
  local line, column = position(buffer, range.start)
  local end_line, end_column = position(buffer, range["end"])
  return {
    lnum = line,
    col = column,
    end_lnum = end_line,
    end_col = end_column,
    severity = severities[severity] or severities.warning,
    source = "imdslint",
    code = code,
    message = message,
    user_data = { imdslint = data },
  }
end

-- The diagnostics of `buffer`, which the report knows as `name`.
local function diagnostics(buffer, name, report)
  local found = {}
  for _, finding in ipairs(report.findings) do
    if finding.path == name and finding.suppressed == vim.NIL then
      table.insert(found, diagnostic(buffer, finding.lsp_range, finding.severity, finding.rule, finding.message, {
        note = finding.note,
        help = finding.help,
        subjects = finding.subjects,
        labels = finding.labels,
        fixes = finding.fixes,
        fingerprint = finding.fingerprint,
      }))
    end
  end
  for _, problem in ipairs(report.problems) do
    if problem.path == name and problem.lsp_range ~= vim.NIL then
      table.insert(found, diagnostic(buffer, problem.lsp_range, problem.severity, problem.code, problem.message, {}))
    end
  end
  return found
end

-- Checks `buffer` (the current one by default) in the background. `done`, if given, is called when its diagnostics are
-- set, or with a message when they cannot be; it is not called when the text changes before that.
function M.check(buffer, done)
  buffer = (buffer == nil or buffer == 0) and vim.api.nvim_get_current_buf() or buffer
  done = done or function(problem)
    if problem then
      vim.notify("imdslint: " .. problem, vim.log.levels.ERROR)
    end
  end
  local name = vim.api.nvim_buf_get_name(buffer)
  if name == "" or vim.bo[buffer].buftype ~= "" then
    return
  end
  if jobs[buffer] then
    vim.fn.jobstop(jobs[buffer])
  end

  local command = vim.deepcopy(M.options.command)
  vim.list_extend(command, { "check", "-", "--stdin-filename", name, "--format", "json" })
  vim.list_extend(command, M.options.arguments)
  local text = stored_lines(buffer)
  local output, errors = {}, {}
  local started, job = pcall(vim.fn.jobstart, command, {
    stdout_buffered = true,
    stderr_buffered = true,
    on_stdout = function(_, lines)
      output = lines
    end,
    on_stderr = function(_, lines)
      errors = lines
    end,
    on_exit = function(ended, code)
      -- What an earlier job says of an earlier text is of no use.
      if jobs[buffer] ~= ended then
        return
      end
      jobs[buffer] = nil
      -- Whatever changes a text is followed by an event. The tick of changes moves on reading a file, too.
      if not vim.api.nvim_buf_is_valid(buffer) or not vim.deep_equal(text, stored_lines(buffer)) then
        return
      end
      local decoded, report = pcall(vim.json.decode, table.concat(output, "\n"))
      if code == 2 or not decoded then
        done(vim.trim(table.concat(errors, "\n")))
        return
      end
      vim.diagnostic.set(M.namespace, buffer, diagnostics(buffer, name, report))
      done()
    end,
  })
  if not started or job <= 0 then
    done("`" .. command[1] .. "` cannot be run; install it, or set `command`")
    return
  end
  jobs[buffer] = job
  vim.fn.chansend(job, text)
  vim.fn.chanclose(job, "stdin")
end

-- Checks buffers by themselves from now on. `options` replace those of M.options.
function M.setup(options)
  M.options = vim.tbl_extend("force", M.options, options or {})
  local group = vim.api.nvim_create_augroup("imdslint", { clear = true })
  vim.api.nvim_create_autocmd(M.options.events, {
    group = group,
    pattern = M.options.patterns,
    callback = function(event)
      M.check(event.buf)
    end,
  })
end

return M
