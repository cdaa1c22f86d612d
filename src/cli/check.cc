#include <unistd.h>

#include <cstdio>
#include <string_view>
#include <variant>

#include <fmt/format.h>

#include "app/progress_line.h"
#include "cli/commands.h"
#include "config/settings.h"
#include "rule/lint.h"

namespace policymux {
namespace {

constexpr std::string_view postfix_queue = "/var/spool/postfix/";

// Debian's Postfix runs smtpd in a chroot, from where it sees only what lies below.
void lint_listeners(const Origins& origins, const Config& config, Diagnostics& out) {
  if (::access(std::string{postfix_queue}.c_str(), F_OK) != 0) return;
  for (const auto& endpoint : config.main.listen) {
    if (endpoint.kind != Endpoint::Kind::local || endpoint.path.starts_with(postfix_queue)) continue;
    auto& doubt = out.emplace_back(Diagnostic{Severity::warning, {}});
    if (origins.config) doubt.what.file = origins.config->path;
    doubt.what.text = fmt::format("main.listen: {} cannot be seen from Postfix's chroot", to_string(endpoint));
    doubt.hint = "a path below /var/spool/postfix can, and so can inet";
  }
}

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

}  // namespace

int check(const CheckOptions& options) {
  Diagnostics diagnostics;
  auto config = read_config(options.origins, diagnostics);
  if (config) lint_listeners(options.origins, *config, diagnostics);
  tell(diagnostics);
  if (!config) return 1;
  const auto dumped = options.dump ? dump(*config) : std::string{};
  const auto ruleset = read_ruleset(options.origins, *std::move(config), {.progress = ProgressLine::on_terminal()});
  tell(ruleset.diagnostics);
  if (!ruleset.usable() || has_errors(diagnostics)) return 1;
  tell(lint(*ruleset.policy, *ruleset.table));
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
