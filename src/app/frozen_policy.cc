#include "app/frozen_policy.h"

namespace policymux {

HeldLists::HeldLists(std::span<const ValueFilePtr> in_force, std::string root) : disk_{std::move(root)} {
  for (const auto& list : in_force) in_force_.emplace(list->path(), list->signature());
}

std::optional<Signature> HeldLists::signature(const std::string& path) {
  const auto known = held_.contains(path) ? in_force_.find(path) : in_force_.end();
  return known == in_force_.end() ? disk_.signature(path) : known->second;
}

}  // namespace policymux
