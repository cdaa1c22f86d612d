// The load generator: many Postfix connections, one thread, latencies that tell the truth.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <policymux/result.h>

#include "base/endpoint.h"
#include "bench/histogram.h"

namespace policymux {

struct TrafficOptions {
  Endpoint target{.host = "127.0.0.1", .port = 10001};
  unsigned connections = 10;
  bool reconnect = false;                    // a new connection for each request; opening it is part of the latency
  // Requests per second over all connections together; 0: each connection asks again as soon as it was answered.
  // With a rate a latency counts from the moment at which the request should have been sent, also where it had
  // to wait because every connection was still waiting for its answer.
  double rate = 0;
  std::chrono::milliseconds duration{5000};  // what is measured
  std::chrono::milliseconds warm_up{500};    // before that: sent, answered, not counted
  std::uint64_t count = 0;                   // stop after so many counted requests; 0: only the time ends it
  std::uint64_t seed = 1;
  std::string requests{};                    // a file of requests, sent in order again and again; empty: generated
  std::optional<unsigned> cpu{};
};

struct LoadReport {
  std::uint64_t answers = 0;      // inside the measured time
  std::uint64_t all_answers = 0;  // from the first request to the last: what a server's CPU time was spent on
  std::uint64_t failures = 0;     // connections lost, replies that are none
  std::uint64_t unanswered = 0;   // sent inside the measured time, and nothing came until one second after it
  std::chrono::nanoseconds elapsed{};
  Histogram latency{};
  std::chrono::microseconds cpu{};  // our own, user and system: near `elapsed` we are what is measured
};

// Strict request and response, one request outstanding a connection. A lost connection is made anew.
// Errors: cannot connect, cannot read the file, cannot pin, more failures than a measurement bears (1000).
Result<LoadReport, std::string> run_load(const TrafficOptions& options);

}  // namespace policymux
