#include "upstream/balance.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <xxhash.h>

namespace policymux {
namespace {

constexpr auto nobody = std::optional<std::size_t>{};

// The larger the better; of two members of equal weight each key prefers either equally often.
double score(std::uint64_t key, const Member& member) {
  const auto hash = XXH3_64bits_withSeed(member.name.data(), member.name.size(), key);
  const auto uniform = (static_cast<double>(hash >> 11) + 0.5) * 0x1p-53;  // within (0, 1)
  return -static_cast<double>(member.weight) / std::log(uniform);
}

}  // namespace

Balancer::Balancer(By by, std::vector<Member> members)
    : by_{by}, members_{std::move(members)}, credit_(members_.size(), 0) {}

void Balancer::begin_at(double chance) {
  std::map<std::uint32_t, std::uint64_t> rounds;  // requests of one, by priority
  for (const auto& member : members_) rounds[member.priority] += member.weight;
  for (const auto& [priority, length] : rounds) {
    const auto in_tier = [&, tier = priority](std::size_t i) { return members_[i].priority == tier; };
    auto requests = static_cast<std::uint64_t>(chance * static_cast<double>(length));
    while (requests-- > 0) next_by_weight(in_tier);
  }
}

std::optional<std::size_t> Balancer::pick(std::span<const Standing> standings, std::uint64_t key) {
  std::optional<std::uint32_t> tier;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (standings[i].eligible && (!tier || members_[i].priority < *tier)) tier = members_[i].priority;
  }
  if (!tier) return nobody;
  const auto in_tier = [&](std::size_t i) { return standings[i].eligible && members_[i].priority == *tier; };
  if (by_ == By::first) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (in_tier(i)) return i;
    }
  }
  if (by_ == By::hash && key != 0) return highest_hash(key, in_tier);
  const auto at_once = [&](std::size_t i) { return in_tier(i) && standings[i].has_room; };
  const auto by_balance = [&](auto wanted) {
    return by_ == By::least_outstanding ? least_outstanding(standings, wanted) : next_by_weight(wanted);
  };
  const auto first = by_balance(at_once);
  return first ? first : by_balance(in_tier);
}

template <class Wanted>
std::optional<std::size_t> Balancer::least_outstanding(std::span<const Standing> standings, Wanted wanted) {
  auto least = UINT32_MAX;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (wanted(i)) least = std::min(least, standings[i].outstanding);
  }
  return next_by_weight([&](std::size_t i) { return wanted(i) && standings[i].outstanding == least; });
}

template <class Wanted>
std::optional<std::size_t> Balancer::next_by_weight(Wanted wanted) {
  std::optional<std::size_t> best;
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!wanted(i)) continue;
    credit_[i] += members_[i].weight;
    sum += members_[i].weight;
    if (!best || credit_[i] > credit_[*best]) best = i;
  }
  if (best) credit_[*best] -= sum;
  return best;
}

template <class Wanted>
std::optional<std::size_t> Balancer::highest_hash(std::uint64_t key, Wanted wanted) const {
  std::optional<std::size_t> best;
  double highest = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (!wanted(i)) continue;
    const auto mine = score(key, members_[i]);
    if (!best || mine > highest) best = i, highest = mine;
  }
  return best;
}

}  // namespace policymux
