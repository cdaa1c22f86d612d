#include "upstream/affinity.h"

#include <algorithm>

namespace policymux {

std::size_t Affinity::Set::find(std::uint64_t message) const {
  return static_cast<std::size_t>(std::ranges::find(messages, message) - messages.begin());
}

bool Affinity::may_hold(std::uint64_t message) const {
  const auto& tags = tags_[message % sets];
  return std::ranges::find(tags, tag(message)) != tags.end();
}

std::optional<Affinity::Place> Affinity::find(std::uint64_t message, SteadyTime now) const {
  if (sets_.empty()) return std::nullopt;
  const auto& set = sets_[message % sets];
  if (!may_hold(message)) {
    __builtin_prefetch(&set.messages, 1);  // its first answer is remembered there
    __builtin_prefetch(&set.places, 1);
    return std::nullopt;
  }
  const auto at = set.find(message);
  if (at == ways || now - set.used[at] >= longest) return std::nullopt;
  return set.places[at];
}

void Affinity::remember(std::uint64_t message, Place place, SteadyTime now) {
  if (sets_.empty()) {
    sets_.resize(sets);
    tags_.resize(sets);
  }
  auto& set = sets_[message % sets];
  auto at = set.find(message);
  if (at == ways) at = static_cast<std::size_t>(std::ranges::min_element(set.used) - set.used.begin());
  set.messages[at] = message;
  tags_[message % sets][at] = tag(message);
  set.used[at] = now;
  set.places[at] = place;
}

}  // namespace policymux
