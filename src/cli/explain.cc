#include "rule/explain.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "app/disk_files.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "proto/parser.h"

namespace policymux {
namespace {

// Every request of `text`. The empty line after the last one may be missing.
int explain_all(const Ruleset& ruleset, std::string text, const std::string& name) {
  if (!text.ends_with("\n\n") && !text.ends_with("\n\r\n")) text += text.ends_with('\n') ? "\n" : "\n\n";
  Evaluator evaluator{ruleset.table};
  RequestParser parser;
  std::string_view rest = text;
  for (int number = 1; !rest.empty(); ++number) {
    if (parser.parse(rest) != ParseStatus::complete) {
      fmt::print(stderr, "{}: request {}: {}\n", name, number, to_string(parser.problem()));
      return 1;
    }
    auto& request = parser.request();
    request.now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    fmt::print("{}{}", number > 1 ? "\n" : "", explain(*ruleset.policy, evaluator, request));
    rest.remove_prefix(request.raw().size());
  }
  return 0;
}

}  // namespace

int explain(const ExplainOptions& options) {
  Diagnostics diagnostics;
  auto config = read_config(options.origins, diagnostics);
  Ruleset ruleset;
  if (config) ruleset = read_ruleset(options.origins, *std::move(config), {});
  diagnostics.insert(diagnostics.end(), ruleset.diagnostics.begin(), ruleset.diagnostics.end());
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity == Severity::error) fmt::print(stderr, "{}", render(diagnostic));
  }
  if (!ruleset.usable()) return 1;
  if (options.files.empty()) return explain_all(ruleset, read_all(STDIN_FILENO), "stdin");
  DiskFiles disk;
  for (const auto& path : options.files) {
    auto text = disk.read(path);
    if (!text) {
      fmt::print(stderr, "{}: {}\n", path, text.error());
      return 1;
    }
    if (const int status = explain_all(ruleset, *std::move(text), path); status != 0) return status;
  }
  return 0;
}

}  // namespace policymux
