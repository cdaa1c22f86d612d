#include "log/logger.h"

#include "base/text.h"

namespace policymux {

WallTime system_wall_time() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

Logger::Logger(std::unique_ptr<LogSink> sink, Level level, Clock clock, std::size_t ring_bytes)
    : sink_{std::move(sink)}, level_{level}, clock_{std::move(clock)}, ring_{ring_bytes} {
  safe_.reserve(line_limit);
  line_.reserve(line_limit + 256);
}

void Logger::log(const Diagnostic& diagnostic) {
  log(diagnostic.severity == Severity::error ? Level::error : Level::warning, summary(diagnostic));
}

void Logger::log(Level level, std::string_view text) {
  if (!enabled(level)) return;
  if (!report_dropped() || !push(level, text)) ++dropped_;
}

bool Logger::push(Level level, std::string_view text) {
  safe_.clear();
  append_safe(safe_, cut_utf8(text, line_limit));
  line_.clear();
  sink_->format(line_, {.level = level, .time = clock_(), .text = safe_});
  return ring_.push(line_);
}

// Is there nothing to report any more?
bool Logger::report_dropped() {
  if (dropped_ == reported_) return true;
  if (!push(Level::warning, fmt::format("{} log lines were dropped", dropped_ - reported_))) return false;
  reported_ = dropped_;
  return true;
}

bool Logger::flush() {
  drain();
  if (dropped_ != reported_ && report_dropped()) drain();
  return ring_.empty();
}

void Logger::drain() {
  std::array<iovec, 64> lines;
  while (!ring_.empty()) {
    const auto written = sink_->write({lines.data(), ring_.peek(lines)});
    if (written == 0) return;
    ring_.pop(written);
  }
}

}  // namespace policymux
