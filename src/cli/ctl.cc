#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/exchange.h"

namespace policymux {
namespace {

using Json = nlohmann::ordered_json;
using Problem = Unexpected<std::string>;

constexpr std::string_view all_is_well = "ok\n";

Result<Endpoint, std::string> control_socket(const CtlOptions& options) {
  auto path = options.socket;
  if (path.empty()) {
    Diagnostics diagnostics;
    const auto config = read_config(options.origins, diagnostics);
    if (!config) return Problem{summary(diagnostics.front())};
    path = config->admin.socket;
  }
  if (path.empty()) {
    return Problem{"main.conf has no admin.socket: want `socket = /run/policymux/control` under [admin]"};
  }
  return Endpoint{.kind = Endpoint::Kind::local, .path = path};
}

// What the daemon says about it.
Result<std::string, std::string> ask(const CtlOptions& options) {
  const auto socket = control_socket(options);
  if (!socket) return Problem{socket.error()};
  auto answer = exchange(*socket, options.command + "\n", options.timeout, whole_stream);
  if (!answer) return Problem{std::move(answer).error()};
  if (!answer->starts_with(all_is_well)) {
    return Problem{answer->empty() ? "the daemon closed the connection without an answer" : std::string{trim(*answer)}};
  }
  return answer->substr(all_is_well.size());
}

// ---- for people ----

constexpr std::size_t columns = 10;
using Cells = std::array<std::string, columns>;
constexpr std::size_t first_number = 4;  // columns from here on are numbers
const Cells titles = {"service", "group", "address", "state", "requests", "errors", "p50", "p99", "busy", "queued"};

// "1ms", "2.5ms": bounds of a histogram are round numbers.
std::string duration(const Json& microseconds) {
  return microseconds.is_null() ? "-" : fmt::format("{:g}ms", microseconds.get<double>() / 1000);
}

std::string number(const Json& value) { return std::to_string(value.get<std::uint64_t>()); }

std::string text(const Json& value) {
  std::string out;
  append_safe(out, value.get_ref<const std::string&>());
  return out;
}

std::uint64_t errors_of(const Json& service) {
  std::uint64_t sum = 0;
  for (const auto& count : service["failures"]) sum += count.get<std::uint64_t>();
  return sum;
}

Cells cells_of(const Json& service) {
  const auto& latency = service["latency"];
  return {text(service["name"]),       text(service["group"]),      text(service["address"]),
          text(service["state"]),      number(service["requests"]), std::to_string(errors_of(service)),
          duration(latency["p50_us"]), duration(latency["p99_us"]), number(service["in_flight"]),
          number(service["queued"])};
}

// "timed_out 3, refused 1; off for 700ms: no answer in time"; empty: nothing to say. Of a plug-in also
// "4 workers, 1 busy, 6 started, 2 failed".
std::string remarks_on(const Json& service) {
  std::string out;
  for (const auto& [reason, count] : service["failures"].items()) {
    if (count != 0) out += fmt::format("{}{} {}", out.empty() ? "" : ", ", reason, count.get<std::uint64_t>());
  }
  if (const auto& workers = service["workers"]; !workers.is_null()) {
    out += fmt::format("{}{} workers, {} busy, {} started, {} failed", out.empty() ? "" : "; ",
                       number(workers["running"]), number(workers["busy"]), number(workers["started"]),
                       number(workers["failed"]));
  }
  if (service["reason"].is_null()) return out;
  return fmt::format("{}{}{} for {}: {}", out, out.empty() ? "" : "; ", text(service["state"]),
                     format_duration(milliseconds{service["retry_after_ms"].get<milliseconds::rep>()}),
                     text(service["reason"]));
}

std::string table_of(const Json& services) {
  std::vector<Cells> rows{titles};
  for (const auto& service : services) rows.push_back(cells_of(service));
  std::array<std::size_t, columns> widths{};
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < columns; ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string out;
  for (std::size_t n = 0; n < rows.size(); ++n) {
    std::string line;
    for (std::size_t i = 0; i < columns; ++i) {
      const auto gap = i == 0 ? "" : "  ";
      line += i < first_number ? fmt::format("{}{:<{}}", gap, rows[n][i], widths[i])
                               : fmt::format("{}{:>{}}", gap, rows[n][i], widths[i]);
    }
    out += line + '\n';
    const auto remarks = n == 0 ? std::string{} : remarks_on(services[n - 1]);
    if (!remarks.empty()) out += "    " + remarks + '\n';
  }
  return out;
}

std::string table_of_groups(const Json& groups) {
  std::string out;
  for (const auto& group : groups) {
    out += fmt::format("group {}: {} requests, {} of them without an answer", text(group["name"]),
                       number(group["requests"]), number(group["defaults"]));
    if (group["differences"] != 0) {
      out += fmt::format(", {} answered otherwise by the mirror", number(group["differences"]));
    }
    out += '\n';
  }
  return out;
}

Result<std::string, std::string> for_people(const std::string& answer) {
  try {
    const auto report = Json::parse(answer);
    if (report.at("services").empty()) return std::string{"no services\n"};
    return table_of(report["services"]) + '\n' + table_of_groups(report.at("groups"));
  } catch (const Json::exception&) {
    return Problem{"the daemon's answer is none of ours: is it another version?"};
  }
}

}  // namespace

int ctl(const CtlOptions& options) {
  auto answer = ask(options);
  if (answer && !options.json) answer = for_people(*answer);
  if (!answer) {
    fmt::print(stderr, "policymux ctl: {}\n", answer.error());
    return 1;
  }
  fmt::print("{}", *answer);
  return 0;
}

}  // namespace policymux
