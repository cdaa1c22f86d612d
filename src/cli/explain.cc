#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "app/disk_files.h"
#include "cli/commands.h"
#include "cli/explain_json.h"
#include "cli/input.h"
#include "proto/parser.h"
#include "rule/explain.h"

namespace policymux {
namespace {

// Nothing: every mistake was told.
std::optional<Ruleset> load_ruleset(const Origins& origins) {
  Diagnostics diagnostics;
  auto config = read_config(origins, diagnostics);
  std::optional<Ruleset> ruleset;
  if (config) {
    ruleset = read_ruleset(origins, *std::move(config), {.as_in_chroot = true});
    std::ranges::move(ruleset->diagnostics, std::back_inserter(diagnostics));
  }
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity == Severity::error) fmt::print(stderr, "{}", render(diagnostic));
  }
  return ruleset && ruleset->usable() ? std::move(ruleset) : std::nullopt;
}

std::string_view without_empty_lines(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  return text;
}

// Every request of `text`. Empty lines may be many between requests, and missing after the last one.
int explain_all(const Policy& policy, Evaluator& evaluator, bool json, std::string text, const std::string& name) {
  text += "\n\n";
  RequestParser parser;
  auto rest = without_empty_lines(text);
  if (rest.empty()) {
    fmt::print(stderr, "{}: no request\n", name);
    return 1;
  }
  for (int number = 1; !rest.empty(); ++number) {
    if (parser.parse(rest) != ParseStatus::complete) {
      fmt::print(stderr, "{}: request {}: {}\n", name, number, to_string(parser.problem()));
      return 1;
    }
    auto& request = parser.request();
    request.now = std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
    const auto explanation = explain(policy, evaluator, request);
    if (json) fmt::print("{}\n", to_json(explanation));
    else fmt::print("{}{}", number > 1 ? "\n" : "", to_text(explanation));
    rest = without_empty_lines(rest.substr(request.raw().size()));
  }
  return 0;
}

}  // namespace

int explain(const ExplainOptions& options) {
  const auto ruleset = load_ruleset(options.origins);
  if (!ruleset) return 1;
  Evaluator evaluator{ruleset->table};
  const auto explain_text = [&](std::string text, const std::string& name) {
    return explain_all(*ruleset->policy, evaluator, options.json, std::move(text), name);
  };
  if (options.files.empty()) return explain_text(read_all(STDIN_FILENO), "stdin");
  DiskFiles disk;
  for (const auto& path : options.files) {
    auto text = disk.read(path);
    if (!text) {
      fmt::print(stderr, "{}: {}\n", path, text.error());
      return 1;
    }
    if (const int status = explain_text(*std::move(text), path); status != 0) return status;
  }
  return 0;
}

}  // namespace policymux
