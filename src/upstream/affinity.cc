#include "upstream/affinity.h"

#include <algorithm>

#include <xxhash.h>

namespace policymux {

std::uint64_t Affinity::message(std::string_view instance) {
  return instance.empty() ? 0 : std::max<std::uint64_t>(1, XXH3_64bits(instance.data(), instance.size()));
}

std::optional<Affinity::Place> Affinity::find(std::uint64_t message, SteadyTime now) const {
  if (sets_.empty()) return std::nullopt;
  const auto& set = sets_[message % sets];
  const auto at = std::ranges::find(set, message, &Entry::message);
  if (at == set.end() || now - at->used >= longest) return std::nullopt;
  return at->place;
}

void Affinity::remember(std::uint64_t message, Place place, SteadyTime now) {
  if (sets_.empty()) sets_.resize(sets);
  auto& set = sets_[message % sets];
  auto at = std::ranges::find(set, message, &Entry::message);
  if (at == set.end()) at = std::ranges::min_element(set, {}, &Entry::used);
  *at = {message, place, now};
}

}  // namespace policymux
