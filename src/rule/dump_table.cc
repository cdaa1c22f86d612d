#include <iterator>

#include <fmt/format.h>

#include "rule/table.h"

namespace policymux {
namespace {

std::string_view name(Way way) {
  constexpr std::string_view names[] = {"exact", "domain", "prefix", "suffix", "regex", "address", "number"};
  return names[static_cast<std::size_t>(way)];
}

}  // namespace

std::string dump(const Table& table, const Policy& policy) {
  std::string out;
  const auto print = [&out]<class... Args>(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(out), format, std::forward<Args>(args)...);
  };
  for (std::size_t i = 0; i < table.groups.size(); ++i) {
    const auto& group = table.groups[i];
    print("group {}: {} {}{}{}\n", i, table.slots[group.slot].source.name, name(group.way),
          group.folded || group.way >= Way::address ? "" : " case=sensitive",
          group.lists.empty() ? "" : fmt::format(" and {} lists", group.lists.size()));
  }
  std::vector<std::vector<std::string>> guards(table.lines.size());
  for (PredicateId predicate = 0; predicate < table.guarded.size(); ++predicate) {
    for (const auto line : table.guarded_by(predicate)) {
      std::string acl = "?";
      for (std::size_t i = 0; i < policy.acls.size(); ++i) {
        if (table.predicate_of_acl[i] == predicate) acl = policy.acls[i].name;
      }
      guards[line].push_back(acl);
    }
  }
  for (std::size_t i = 0; i < table.chains.size(); ++i) {
    print("chain {}: asks", policy.chains[i].name);
    for (const auto group : slice(table.guard_groups, table.chains[i].guard_groups)) print(" {}", group);
    print("\n");
    const auto lines = table.chains[i].lines;
    for (LineId line = lines.begin; line < lines.begin + lines.size; ++line) {
      const auto [file, number, tests] = table.label_of(line);
      print("  {}{}{}: guard", file, number, tests);
      for (const auto& guard : guards[line]) print(" {}", guard);
      print("{}\n", guards[line].empty() ? " none" : "");
    }
  }
  return out;
}

}  // namespace policymux
