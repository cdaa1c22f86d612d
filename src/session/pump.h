// Carries bytes one way, between descriptors of any kind.
#pragma once

#include <array>
#include <functional>
#include <string_view>

#include "loop/loop.h"

namespace policymux {

//   reading ──bytes──▶ writing ──all written──▶ reading
//   any ── end of `from`, or nobody takes what comes to `to` any more ──▶ ended
//
//   Never waits  without touching O_NONBLOCK, which belongs to everybody who has the same open file: reads and writes
//                only what was said to be ready, and no more than a pipe takes at once.
//   Owns         not the descriptors, which outlive it.  REQUIRES: SIGPIPE is ignored.
class Pump {
 public:
  // `ended` is called once, from the loop; it must not destroy the pump.
  Pump(Loop& loop, int from, int to, std::function<void()> ended);

  // Carries on at once what has come by now, as far as it is taken.
  void hurry();

 private:
  void on_readable(int);
  void on_writable(int);
  void end();

  const int from_, to_;
  std::array<char, 16384> buffer_;
  std::string_view left_{};  // to be written, in the buffer
  std::function<void()> ended_;
  IoWatcher<Pump, &Pump::on_readable> readable_;
  IoWatcher<Pump, &Pump::on_writable> writable_;
};

}  // namespace policymux
