// The log: lines wait in a ring and are written together, never in anybody's way.
#pragma once

#include <fmt/core.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "base/diagnostic.h"
#include "base/logging.h"
#include "base/time.h"
#include "log/line_ring.h"
#include "log/sink.h"

namespace policymux {

WallTime system_wall_time();

//   Lines   are cut to line_limit bytes, control characters and what is not UTF-8 become '?'.
//   Writing happens in flush(): LogFlusher calls it once a pass of the loop; before the loop runs and after it,
//           say it by hand. What cannot be written at once is kept; when the ring is full new lines are dropped
//           and counted, and one line tells how many as soon as there is room.
//   Cost    a line that is not enabled: one comparison. A line: a copy, no system call, no allocation once warm.
//   Errors  none: whatever a sink meets is "not now".  Threads: one.
class Logger {
 public:
  using Clock = std::function<WallTime()>;
  static constexpr std::size_t line_limit = 2048;            // bytes of text
  static constexpr std::size_t ring_bytes_default = 256 * 1024;

  explicit Logger(std::unique_ptr<LogSink> sink, Level level = Level::info, Clock clock = system_wall_time,
                  std::size_t ring_bytes = ring_bytes_default);
  ~Logger() { flush(); }
  Logger& operator=(Logger&&) = delete;

  bool enabled(Level level) const { return level >= level_; }
  void set_level(Level level) { level_ = level; }
  void set_clock(Clock clock) { clock_ = std::move(clock); }

  void log(Level level, std::string_view text);
  // Its summary, as an error or a warning.
  void log(const Diagnostic& diagnostic);

  // The same with fmt's format: format(Level::info, "{} lines", n). Not even formatted unless enabled.
  template <class... Args>
  void format(Level level, fmt::format_string<Args...> pattern, Args&&... args) {
    if (!enabled(level)) return;
    std::array<char, line_limit + 4> line;  // a little more: log() sees where a character was cut
    const auto end = fmt::format_to_n(line.data(), line.size(), pattern, std::forward<Args>(args)...).out;
    log(level, {line.data(), static_cast<std::size_t>(end - line.data())});
  }

  // Writes what can be written without waiting. Is nothing left?
  bool flush();

  std::uint64_t dropped() const { return dropped_; }  // lines, since the start

 private:
  bool push(Level level, std::string_view text);
  bool report_dropped();
  void drain();

  std::unique_ptr<LogSink> sink_;
  Level level_;
  Clock clock_;
  LineRing ring_;
  std::uint64_t dropped_ = 0;
  std::uint64_t reported_ = 0;  // of the dropped ones
  std::string safe_, line_;     // scratch
};

}  // namespace policymux
