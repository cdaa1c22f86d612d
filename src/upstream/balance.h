// Which service is asked? Pure: who may be asked, and how busy he is, is handed in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace policymux {

// What does not change while the configuration does not.
struct Member {
  std::string name{};
  std::uint32_t priority = 10;  // lower ones first
  std::uint32_t weight = 1;
};

// How things stand with a member now.
struct Standing {
  bool eligible = true;         // may be asked
  bool has_room = true;         // need not wait for a connection
  std::uint32_t outstanding = 0;
};

//   weighted           smooth weighted round robin: 2:1 is a b a, a b a. Whoever has no room is passed over while
//                      others have some.
//   least_outstanding  the fewest requests under way; equals by weight.
//   first              in the order given.
//   hash               rendezvous hashing with weights: when a member leaves, only what was his moves. Without a key:
//                      weighted.
//   Cost  O(members), no allocation.
class Balancer {
 public:
  using By = Config::Balance::By;

  Balancer(By by, std::vector<Member> members);

  // Begins somewhere within a round, each point as likely as any other. `chance`: from 0, below 1.
  void begin_at(double chance);

  // Of the lowest priority at which somebody is eligible. Nothing: nobody is. `key`: a text_key(); 0: none.
  // REQUIRES: a Standing for each member, in order.
  std::optional<std::size_t> pick(std::span<const Standing> standings, std::uint64_t key = 0);

 private:
  template <class Wanted>
  std::optional<std::size_t> least_outstanding(std::span<const Standing> standings, Wanted wanted);
  template <class Wanted>
  std::optional<std::size_t> next_by_weight(Wanted wanted);
  template <class Wanted>
  std::optional<std::size_t> highest_hash(std::uint64_t key, Wanted wanted) const;

  By by_;
  std::vector<Member> members_;
  std::vector<std::int64_t> credit_;  // smooth weighted round robin's current weights
};

}  // namespace policymux
