#include <policymux/policy.h>

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include <fmt/format.h>

#include "app/disk_files.h"
#include "cli/commands.h"
#include "cli/engine.h"
#include "cli/input.h"
#include "proto/parser.h"

namespace policymux {
namespace {

std::string_view without_empty_lines(std::string_view text) {
  text.remove_prefix(std::min(text.find_first_not_of("\r\n"), text.size()));
  return text;
}

// Every request of `text`. Empty lines may be many between requests, and missing after the last one.
int explain_all(PolicyEngine& engine, std::string text, const std::string& name) {
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
    fmt::print("{}{}", number > 1 ? "\n" : "", engine.explain(request));
    rest = without_empty_lines(rest.substr(request.raw().size()));
  }
  return 0;
}

}  // namespace

int explain(const ExplainOptions& options) {
  auto engine = load_engine(options.origins);
  if (!engine) {
    fmt::print(stderr, "{}", engine.error());
    return 1;
  }
  if (options.files.empty()) return explain_all(*engine, read_all(STDIN_FILENO), "stdin");
  DiskFiles disk;
  for (const auto& path : options.files) {
    auto text = disk.read(path);
    if (!text) {
      fmt::print(stderr, "{}: {}\n", path, text.error());
      return 1;
    }
    if (const int status = explain_all(*engine, *std::move(text), path); status != 0) return status;
  }
  return 0;
}

}  // namespace policymux
