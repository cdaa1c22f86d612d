// Which service and connection answered last about a message?
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace policymux {

// Numbers that are never used again while the daemon runs.
using ServiceId = std::uint64_t;
using ConnectionId = std::uint64_t;

//   Units   `now` is steady time, handed in.
//   Memory  at most 16,384 messages, 528 KiB; nothing before the first. A full set forgets whoever was not asked about
//           for longest, and everybody is forgotten after `longest`.
//   Cost    O(1): four comparisons.
class Affinity {
 public:
  static constexpr std::chrono::hours longest{1};
  struct Place {
    ServiceId service = 0;
    ConnectionId connection = 0;
    bool operator==(const Place&) const = default;
  };

  // `message`: the text_key() of its instance. REQUIRES: it is not 0.
  std::optional<Place> find(std::uint64_t message, SteadyTime now) const;
  void remember(std::uint64_t message, Place place, SteadyTime now);

 private:
  static constexpr std::size_t sets = 4096, ways = 4;
  struct alignas(64) Set {
    std::array<std::uint64_t, ways> messages{};
    std::array<SteadyTime, ways> used{};
    std::array<Place, ways> places{};
    std::size_t find(std::uint64_t message) const;  // `ways`: it is not there
  };
  // A byte of each message, which caches hold: most messages are new, and their sets need not be read.
  using Tags = std::array<std::uint8_t, ways>;
  static std::uint8_t tag(std::uint64_t message) { return static_cast<std::uint8_t>(message >> 56); }
  bool may_hold(std::uint64_t message) const;  // REQUIRES: something was remembered

  std::vector<Set> sets_;
  std::vector<Tags> tags_;
};

}  // namespace policymux
