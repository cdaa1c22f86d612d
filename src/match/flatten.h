// Ranges that overlap in any way, as one row of steps that do not.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "match/id_set.h"

namespace policymux {

// `id` wants all points from `first` to `last`, both included.
template <class Point>
struct Claim {
  Point first, last;
  std::uint32_t id;
};

// From this point on, up to the next step, this set of ids holds.
template <class Point>
struct Step {
  Point from;
  IdSets::Ref ids;
};

// The claims of each id, joined where they overlap or touch. `after(point)` is the next point, or nothing.
template <class Point, class After>
std::vector<Claim<Point>> join_claims(std::vector<Claim<Point>> claims, After after) {
  std::sort(claims.begin(), claims.end(),
            [](const auto& a, const auto& b) { return a.id != b.id ? a.id < b.id : a.first < b.first; });
  std::size_t kept = 0;
  for (const auto& claim : claims) {
    if (kept > 0 && claims[kept - 1].id == claim.id) {
      auto& last = claims[kept - 1].last;
      const auto next = after(last);
      if (!next || claim.first <= *next) {
        last = std::max(last, claim.last);
        continue;
      }
    }
    claims[kept++] = claim;
  }
  claims.resize(kept, claims.front());
  return claims;
}

// The steps, ascending; before the first one nothing holds. Neighbours differ, so n claims make at most 2n
// steps. Cost: O(n log n).
template <class Point, class After>
std::vector<Step<Point>> flatten(std::vector<Claim<Point>> claims, IdSets& sets, After after) {
  if (claims.empty()) return {};
  struct Event {
    Point at;
    std::uint32_t id;
    bool begins;
  };
  std::vector<Event> events;
  claims = join_claims(std::move(claims), after);
  events.reserve(2 * claims.size());
  for (const auto& claim : claims) {
    events.push_back({claim.first, claim.id, true});
    if (const auto end = after(claim.last)) events.push_back({*end, claim.id, false});
  }
  claims = {};
  // What ends goes before what begins: it keeps the sets on the way small.
  std::sort(events.begin(), events.end(),
            [](const Event& a, const Event& b) { return a.at != b.at ? a.at < b.at : a.begins < b.begins; });

  std::vector<Step<Point>> steps;
  auto now = IdSets::empty;
  for (std::size_t i = 0; i < events.size();) {
    const auto at = events[i].at;
    const auto before = now;
    for (; i < events.size() && events[i].at == at; ++i)
      now = events[i].begins ? sets.with(now, events[i].id) : sets.without(now, events[i].id);
    if (now != before) steps.push_back({at, now});
  }
  return steps;
}

}  // namespace policymux
