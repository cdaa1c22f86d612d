// A log that a test can read.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "log/logger.h"

namespace policymux::test {

class CapturedLog {
 public:
  // The texts of all lines so far.
  const std::vector<std::string>& lines() {
    logger.flush();
    return lines_;
  }
  bool has(std::string_view text) {
    for (const auto& line : lines()) {
      if (line.find(text) != line.npos) return true;
    }
    return false;
  }

 private:
  class Sink final : public LogSink {
   public:
    explicit Sink(CapturedLog& log) : log_{log} {}
    void format(std::string& out, const LogLine& line) override { out += line.text; }
    std::size_t write(std::span<const iovec> lines) override {
      for (const auto& line : lines) log_.lines_.emplace_back(static_cast<const char*>(line.iov_base), line.iov_len);
      return lines.size();
    }

   private:
    CapturedLog& log_;
  };

  std::vector<std::string> lines_{};

 public:
  Logger logger{std::make_unique<Sink>(*this), Level::debug};  // writes what is left at its end
};

}  // namespace policymux::test
