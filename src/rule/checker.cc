#include "rule/checker.h"

#include <algorithm>
#include <utility>

namespace policymux {

std::string cycle_text(std::span<const std::uint32_t> cycle, std::string_view link,
                       const std::function<std::string(std::uint32_t)>& name) {
  constexpr std::size_t most_names = 8;
  std::string text;
  for (const auto node : cycle.first(std::min(cycle.size(), most_names))) text.append(name(node)).append(link);
  if (cycle.size() > most_names) text.append("...").append(link);
  return text + name(cycle.front());
}

Policy check_policy(const Statements& statements, Files& files, const LoadOptions& options, Report& report) {
  CheckerContext context{files, options, report};
  auto& policy = context.policy;
  policy.recipient_delimiter = options.recipient_delimiter;
  policy.restriction_classes.assign(options.restriction_classes.begin(), options.restriction_classes.end());
  for (const auto& chain : statements.chains) {
    context.chains.add(chain.name);
    policy.chains.push_back({.name = chain.name});
  }
  for (const auto& acl : statements.acls) {
    for (const auto& word : acl.words) {
      if (word.text.starts_with('/')) context.lists.expect(word.text);
    }
  }
  for (const auto& acl : statements.acls) define_acl(context, acl);
  resolve_acls(context);
  for (const auto& action : statements.actions) define_action(context, action);
  policy.default_action = context.actions.find("default");
  for (const auto& access : statements.accesses) add_access(context, access);
  check_chains(context, statements.chains);
  for (std::uint32_t file = 0; file < report.file_count(); ++file) policy.files.push_back(report.path(file));
  policy.lists = context.lists.all();
  return std::move(policy);
}

}  // namespace policymux
