-- Opens the files in $FILES (one a line), waits for their diagnostics, and writes what stands under each to $RESULT as
-- JSON, one document a line. $SETUP is what a user would have in their own configuration.

local function text_under(buffer, diagnostic)
  local lines = vim.api.nvim_buf_get_lines(buffer, diagnostic.lnum, diagnostic.end_lnum + 1, false)
  lines[#lines] = lines[#lines]:sub(1, diagnostic.end_col)
  lines[1] = lines[1]:sub(diagnostic.col + 1)
  return table.concat(lines, "\n")
end

-- The texts that the SARIF log for the file as it is stored points at. Its columns are 1-based UTF-16 code units.
local function texts_of_sarif(imdslint, path, buffer)
  local file = io.open(path, "rb")
  local stored = file:read("*a")
  file:close()
  local command = vim.deepcopy(imdslint.options.command)
  vim.list_extend(command, { "check", "-", "--stdin-filename", path, "--format", "sarif" })
  local log = vim.json.decode(vim.fn.system(command, stored))
  local column = function(line, number)
    return vim.str_byteindex(vim.api.nvim_buf_get_lines(buffer, line - 1, line, true)[1], number - 1, true)
  end
  local found = {}
  for _, result in ipairs(log.runs[1].results) do
    local region = result.locations[1].physicalLocation.region
    table.insert(found, {
      lnum = region.startLine - 1,
      col = column(region.startLine, region.startColumn),
      end_lnum = region.endLine - 1,
      end_col = column(region.endLine, region.endColumn),
      message = result.message.text,
    })
  end
  local namespace = vim.api.nvim_create_namespace("sarif")
  vim.diagnostic.set(namespace, buffer, found)
  local texts = {}
  for _, diagnostic in ipairs(vim.diagnostic.get(buffer, { namespace = namespace })) do
    table.insert(texts, text_under(buffer, diagnostic))
  end
  return texts
end

local function run()
  vim.o.swapfile = false
  assert((loadstring or load)(os.getenv("SETUP")))()
  local imdslint = require("imdslint")
  local results = {}
  for path in os.getenv("FILES"):gmatch("[^\n]+") do
    vim.cmd("edit " .. vim.fn.fnameescape(path))
    local buffer = vim.api.nvim_get_current_buf()
    local changed = os.getenv("CHANGE")
    if changed then
      vim.cmd(changed)
    end
    local set = function()
      return #vim.diagnostic.get(buffer) > 0
    end
    local problem
    if os.getenv("BY_ITSELF") then
      assert(vim.wait(20000, set, 10), "nothing is set by itself for " .. path)
    else
      local done = false
      imdslint.check(buffer, function(message)
        done, problem = true, message
      end)
      assert(vim.wait(20000, function() return done end, 10), "no answer for " .. path)
    end
    local found = {}
    for _, diagnostic in ipairs(vim.diagnostic.get(buffer, { namespace = imdslint.namespace })) do
      table.insert(found, {
        text = text_under(buffer, diagnostic),
        line = diagnostic.lnum,
        column = diagnostic.col,
        code = diagnostic.code or diagnostic.user_data.lsp and diagnostic.user_data.lsp.code,
        source = diagnostic.source,
        severity = vim.diagnostic.severity[diagnostic.severity],
        message = diagnostic.message,
        labels = diagnostic.user_data.imdslint.labels and #diagnostic.user_data.imdslint.labels,
        fixes = diagnostic.user_data.imdslint.fixes and #diagnostic.user_data.imdslint.fixes,
      })
    end
    local sarif = os.getenv("SARIF") and texts_of_sarif(imdslint, path, buffer)
    local result = { sarif = sarif, path = path, problem = problem, fileformat = vim.bo.fileformat, bomb = vim.bo.bomb, found = found }
    table.insert(results, vim.json.encode(result))
  end
  return table.concat(results, "\n")
end

local succeeded, result = pcall(run)
local file = io.open(os.getenv("RESULT"), "wb")
file:write(succeeded and result or "failed: " .. tostring(result))
file:close()
vim.cmd("qa!")
