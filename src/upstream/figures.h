// What can be told about a service: why tries failed, how often, how long answers took.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "metrics/latency.h"
#include "upstream/breaker.h"

namespace policymux {

// Why a try brought no answer.
enum class Failure : std::uint8_t {
  no_address,     // its host name has none
  refused,        // no connection could be made
  reset,          // the connection broke
  closed,         // end of stream before the answer
  cut,            // end of stream inside the answer
  timed_out,
  garbage,        // no answer of the policy protocol
  too_long,       // an answer over reply_limit
  invalid_action,
  ours,           // we could not: no free descriptor, say
  // Of requests that waited for a connection and were never sent:
  queue_full, queue_timeout,
  switched_off,   // meanwhile
};
inline constexpr std::size_t failure_count = static_cast<std::size_t>(Failure::switched_off) + 1;

struct FailureRow {
  std::string_view name;  // for figures: "timed_out"
  std::string_view text;  // for people: "no answer in time"
  bool opens;             // the service is at fault: it is asked no more for a while
};
const FailureRow& failure_row(Failure failure);

// Since the service became known; a reload that does not change it keeps them.
struct ServiceFigures {
  std::uint64_t requests = 0;                            // tries, active checks included
  std::uint64_t answers = 0;
  std::array<std::uint64_t, failure_count> failures{};   // by Failure
  // Kept connections that the service had closed, each replaced without a failure; of a plug-in: requests that a worker
  // failed to answer and that were sent to another one.
  std::uint64_t replaced = 0;
  std::uint64_t unasked = 0;     // connections given up since the service sent more than was asked for
  std::uint64_t switched_off = 0;  // how often it was
  LatencyHistogram latency{};    // of answers, from the beginning of the try
};

// Of a plug-in.
struct WorkersSnapshot {
  std::size_t running = 0, busy = 0;
  std::uint64_t started = 0;  // so far
  std::uint64_t failed = 0;   // of these, died or misbehaved
};

struct ServiceSnapshot {
  std::string name{}, group{}, address{};
  std::uint32_t priority = 0, weight = 0;
  Breaker::State state{};
  std::string reason{};          // why it is off; empty: it is not
  milliseconds retry_after{};    // open: until it may be asked again
  std::size_t connections = 0, in_flight = 0, queued = 0;
  ServiceFigures figures{};
  std::optional<WorkersSnapshot> workers{};  // of a plug-in
};

struct GroupSnapshot {
  std::string name{};
  std::uint64_t requests = 0;     // questions to the group
  std::uint64_t defaults = 0;     // of these, no service answered
  std::uint64_t differences = 0;  // of answers copied to its mirror: those in which the mirror differed
};

struct UpstreamSnapshot {
  std::vector<ServiceSnapshot> services{};  // in the order of main.conf
  std::vector<GroupSnapshot> groups{};
};

}  // namespace policymux
