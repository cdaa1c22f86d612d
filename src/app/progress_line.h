// How far the reading of long lists has come, for somebody who waits at a terminal.
#pragma once

#include <cstdio>
#include <functional>
#include <string>

#include "base/time.h"

namespace policymux {

// One line, updated in place, and gone at the end. Says nothing within the first second.
class ProgressLine {
 public:
  using Clock = std::function<SteadyTime()>;
  // REQUIRES: `out` is a terminal, and outlives it.
  ProgressLine(std::FILE* out, Clock now);
  ~ProgressLine();
  ProgressLine& operator=(ProgressLine&&) = delete;

  void show(const std::string& path, int percent);

  // Shows it on stderr; empty where that is no terminal. The line goes with the last copy of the function.
  static std::function<void(const std::string& path, int percent)> on_terminal();

 private:
  std::FILE* out_;
  Clock now_;
  SteadyTime next_;
  bool shown_ = false;
};

}  // namespace policymux
