#include "metrics/metrics.h"

#include <fmt/core.h>

#include <iterator>

namespace policymux {

namespace {

constexpr MetricRow row(Counter counter, std::string_view name, std::string_view label, std::string_view unit,
                        std::string_view help) {
  return {MetricKind::counter, static_cast<std::uint8_t>(counter), name, label, unit, help};
}
constexpr MetricRow row(Gauge gauge, std::string_view name, std::string_view unit, std::string_view help) {
  return {MetricKind::gauge, static_cast<std::uint8_t>(gauge), name, "", unit, help};
}

using enum Counter;

constexpr MetricRow rows[] = {
    row(requests, "requests", "", "requests", "Requests that were read to their end."),
    row(requests_of_another_kind, "requests_of_another_kind", "", "requests",
        "Requests whose request= is not smtpd_access_policy."),
    row(decisions_inline, "decisions", "when=inline", "requests", "Decided in the wake-up the request arrived in."),
    row(decisions_waited, "decisions", "when=waited", "requests", "Decided after waiting for answers from outside."),
    row(deadlines_passed, "deadlines_passed", "", "requests", "Decided with what was known at the deadline."),
    row(malformed_nul_byte, "malformed", "reason=nul_byte", "requests", "A NUL byte in a request."),
    row(malformed_no_equals_sign, "malformed", "reason=no_equals_sign", "requests", "A line without '='."),
    row(malformed_empty_name, "malformed", "reason=empty_name", "requests", "An attribute without a name."),
    row(malformed_too_long, "malformed", "reason=too_long", "requests", "More than max_request_bytes."),
    row(malformed_too_many_attributes, "malformed", "reason=too_many_attributes", "requests",
        "More than max_attributes."),
    row(malformed_empty_request, "malformed", "reason=empty_request", "requests", "A request without an attribute."),
    row(connections_accepted, "connections_accepted", "", "connections", "Connections that were accepted."),
    row(connections_refused, "connections_refused", "", "connections", "Clients that are not in allow."),
    row(accept_pauses, "accept_pauses", "", "pauses", "New connections had to wait for free descriptors or places."),
    row(closed_end_of_stream, "closed", "reason=end_of_stream", "connections", "The client closed."),
    row(closed_cut_request, "closed", "reason=cut_request", "connections", "The client closed within a request."),
    row(closed_connection_lost, "closed", "reason=connection_lost", "connections", "The connection broke."),
    row(closed_malformed, "closed", "reason=malformed", "connections", "A request was malformed."),
    row(closed_idle, "closed", "reason=idle", "connections", "Nothing was asked for idle_timeout."),
    row(closed_request_timeout, "closed", "reason=request_timeout", "connections",
        "A request did not end within request_timeout."),
    row(closed_reply_timeout, "closed", "reason=reply_timeout", "connections", "The client did not read its answer."),
    row(closed_shutdown, "closed", "reason=shutdown", "connections", "The daemon stopped."),
    row(log_lines_dropped, "log_lines_dropped", "", "lines", "Lines for which the log had no room."),
    row(reloads, "reloads", "result=ok", "reloads", "Reloads that took effect."),
    row(reloads_failed, "reloads", "result=failed", "reloads", "Reloads refused for mistakes in the files."),
    row(lists_reloaded, "lists", "result=read", "lists", "Value files read again because they had changed."),
    row(lists_failed, "lists", "result=failed", "lists",
        "Value files that are worse than before: the old content stays."),
    row(Gauge::connections, "connections", "connections", "Connections that are open."),
    row(Gauge::requests_waiting, "requests_waiting", "requests", "Requests that wait for answers from outside."),
};

// Is each counter there, then each gauge, in the order of their names in the header?
constexpr bool in_order() {
  if (std::size(rows) != counter_count + gauge_count) return false;
  for (std::size_t i = 0; i < std::size(rows); ++i) {
    const bool counter = i < counter_count;
    if (rows[i].kind != (counter ? MetricKind::counter : MetricKind::gauge)) return false;
    if (rows[i].index != (counter ? i : i - counter_count)) return false;
  }
  return true;
}
static_assert(in_order(), "a row of the table is missing or out of place");

std::uint64_t value_of(const Metrics& metrics, const MetricRow& which) {
  return which.kind == MetricKind::counter ? metrics[static_cast<Counter>(which.index)]
                                           : metrics[static_cast<Gauge>(which.index)];
}

}  // namespace

std::span<const MetricRow> metric_rows() { return rows; }

std::string dump(const Metrics& metrics) {
  std::string out;
  for (const auto& each : rows) {
    out += each.name;
    if (!each.label.empty()) fmt::format_to(std::back_inserter(out), "{{{}}}", each.label);
    fmt::format_to(std::back_inserter(out), " {}\n", value_of(metrics, each));
  }
  return out;
}

}  // namespace policymux
