#include "app/ruleset.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "app/disk_files.h"
#include "app/value_checks.h"
#include "rule/load.h"

namespace policymux {
namespace {

template <class Named>
std::vector<std::string> names(const std::vector<Named>& all) {
  std::vector<std::string> out;
  for (const auto& one : all) out.push_back(one.name);
  return out;
}

// A group is there when it has a section or a service.
std::vector<std::string> group_names(const Config& config) {
  auto groups = names(config.groups);
  for (const auto& service : config.services) groups.push_back(service.group);
  return groups;
}

}  // namespace

std::string policy_path(const Origins& origins, const Config& config) {
  return origins.policy.empty() ? config.main.policy_path : origins.policy;
}

std::optional<Config> read_config(const Origins& origins, Diagnostics& diagnostics) {
  return origins.config ? load_config(*origins.config, diagnostics, value_checks()) : default_config();
}

Ruleset read_ruleset(const Origins& origins, Config config, std::span<const QuestionKind> built_in) {
  Ruleset out;
  DiskFiles files;
  const LoadOptions options{.restriction_classes = config.main.restriction_classes,
                            .recipient_delimiter = config.main.recipient_delimiter,
                            .built_in = built_in,
                            .groups = group_names(config),
                            .tables = names(config.tables)};
  const auto path = policy_path(origins, config);
  auto loaded = load_policy(files, path, options);
  std::ranges::move(loaded.diagnostics, std::back_inserter(out.diagnostics));
  out.config = std::move(config);
  out.policy = std::move(loaded.policy);
  if (!out.policy) return out;
  auto table = compile(*out.policy);
  if (table) out.table = *std::move(table);
  else out.diagnostics.push_back({.what = {.file = path, .text = std::move(table).error()}});
  return out;
}

}  // namespace policymux
