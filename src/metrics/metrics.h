// What the daemon counts. One table knows each number's name, kind, unit and meaning.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace policymux {

// What only grows. The order is that of metric_rows(), which is checked when it is compiled.
enum class Counter : std::uint8_t {
  requests, requests_of_another_kind, decisions_inline, decisions_waited, deadlines_passed,
  malformed_nul_byte, malformed_no_equals_sign, malformed_empty_name, malformed_too_long,
  malformed_too_many_attributes, malformed_empty_request,
  connections_accepted, connections_refused, accept_pauses,
  closed_end_of_stream, closed_cut_request, closed_connection_lost, closed_malformed, closed_idle,
  closed_request_timeout, closed_reply_timeout, closed_shutdown,
  log_lines_dropped, reloads, reloads_failed, lists_reloaded, lists_failed,
};
inline constexpr std::size_t counter_count = static_cast<std::size_t>(Counter::lists_failed) + 1;

// How many there are now.
enum class Gauge : std::uint8_t { connections, requests_waiting };
inline constexpr std::size_t gauge_count = static_cast<std::size_t>(Gauge::requests_waiting) + 1;

//   Cost  ++metrics[Counter::requests] is one addition; nothing is locked or allocated.  Threads: one.
class Metrics {
 public:
  std::uint64_t& operator[](Counter counter) { return counters_[static_cast<std::size_t>(counter)]; }
  std::uint64_t operator[](Counter counter) const { return counters_[static_cast<std::size_t>(counter)]; }
  std::uint64_t& operator[](Gauge gauge) { return gauges_[static_cast<std::size_t>(gauge)]; }
  std::uint64_t operator[](Gauge gauge) const { return gauges_[static_cast<std::size_t>(gauge)]; }

 private:
  std::array<std::uint64_t, counter_count> counters_{};
  std::array<std::uint64_t, gauge_count> gauges_{};
};

enum class MetricKind : std::uint8_t { counter, gauge };

struct MetricRow {
  MetricKind kind;
  std::uint8_t index;      // of the Counter or the Gauge
  std::string_view name;
  std::string_view label;  // "reason=idle" tells rows of one name apart; empty: none
  std::string_view unit;   // what is counted
  std::string_view help;
};
std::span<const MetricRow> metric_rows();  // rows of one name stand together

// All of them, a line each: "name{label} value", "name value".
std::string dump(const Metrics& metrics);

}  // namespace policymux
