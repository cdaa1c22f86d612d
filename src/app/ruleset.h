// Everything that a reload replaces, read and checked as one: main.conf and the compiled policy.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ask/question.h"
#include "base/diagnostic.h"
#include "config/config.h"
#include "rule/policy.h"
#include "rule/table.h"

namespace policymux {

// Where to read, as the command line says it.
struct Origins {
  std::optional<ConfigPlace> config{};  // nullopt: there is no main.conf, the defaults apply
  std::string policy{};                 // --policy FILE; empty: what main.conf says
};

// What could be read. With an error among the diagnostics nothing of it may take effect.
struct Ruleset {
  std::optional<Config> config{};
  std::optional<Policy> policy{};
  std::shared_ptr<const Table> table{};
  Diagnostics diagnostics{};
  bool usable() const { return table != nullptr && !has_errors(diagnostics); }
};

// main.conf alone.
std::optional<Config> read_config(const Origins& origins, Diagnostics& diagnostics);

// The policy that `config` names, compiled. `built_in`: what this daemon can ask. Blocks: for the start, for
// commands and for the helper thread.
Ruleset read_ruleset(const Origins& origins, Config config, std::span<const QuestionKind> built_in);

std::string policy_path(const Origins& origins, const Config& config);

}  // namespace policymux
