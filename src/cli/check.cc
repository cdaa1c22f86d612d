#include <algorithm>
#include <cstdio>
#include <iterator>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "app/progress_line.h"
#include "cli/commands.h"
#include "cli/site.h"
#include "config/settings.h"
#include "rule/lint.h"

namespace policymux {
namespace {

std::size_t count_backtracking(const Table& table) {
  std::size_t patterns = 0;
  for (const auto& group : table.groups) {
    if (const auto* regex = std::get_if<RegexIndex>(&group.index)) patterns += regex->backtracking();
  }
  return patterns;
}

void tell(const Diagnostics& diagnostics) {
  for (const auto& diagnostic : diagnostics) fmt::print(stderr, "{}", render(diagnostic));
}

// In the order of the policy's files and their lines; behind them what is about other files.
void sort(Diagnostics& diagnostics, const std::vector<std::string>& files) {
  std::ranges::stable_sort(diagnostics, {}, [&](const Diagnostic& diagnostic) {
    return std::pair{std::ranges::find(files, diagnostic.what.file) - files.begin(), diagnostic.what.line};
  });
}

}  // namespace

int check(const CheckOptions& options) {
  Diagnostics diagnostics;
  auto config = read_config(options.origins, diagnostics);
  tell(diagnostics);
  if (!config) return 1;
  auto doubts = doubt_site(*config);
  if (options.origins.config) {
    for (auto& doubt : doubts) doubt.what.file = options.origins.config->path;
  }
  tell(doubts);
  const auto dumped = options.dump ? dump(*config) : std::string{};
  auto ruleset = read_ruleset(options.origins, *std::move(config),
                              {.as_in_chroot = true, .progress = ProgressLine::on_terminal()});
  if (!ruleset.usable() || has_errors(diagnostics)) {
    tell(ruleset.diagnostics);
    return 1;
  }
  std::ranges::move(lint(*ruleset.policy, *ruleset.table), std::back_inserter(ruleset.diagnostics));
  sort(ruleset.diagnostics, ruleset.policy->files);
  tell(ruleset.diagnostics);
  if (options.dump) {
    fmt::print("{}", dumped);
  } else if (options.dump_policy) {
    fmt::print("{}{}", dump(*ruleset.policy), dump(*ruleset.table, *ruleset.policy));
  } else {
    const auto& policy = *ruleset.policy;
    const auto backtracking = count_backtracking(*ruleset.table);
    fmt::print("{}: {} acls, {} actions, {} access lines: no mistakes\n", policy.files.front(), policy.acls.size(),
               policy.actions.size(), policy.lines.size());
    if (backtracking > 0) fmt::print("{} patterns need the backtracking engine\n", backtracking);
  }
  return 0;
}

}  // namespace policymux
