#include "session/pump.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "base/sockets.h"

namespace policymux {
namespace {

bool is_ready(int fd, short event) {
  pollfd ready{.fd = fd, .events = event, .revents = 0};
  return ::poll(&ready, 1, 0) == 1;
}

constexpr int pieces_in_a_hurry = 1000;

}  // namespace

Pump::Pump(Loop& loop, int from, int to, std::function<void()> ended)
    : from_{from},
      to_{to},
      ended_{std::move(ended)},
      readable_{loop.raw(), from, this},
      writable_{loop.raw(), to, this} {
  readable_.want(EV_READ);
}

void Pump::hurry() {
  for (int piece = 0; piece < pieces_in_a_hurry && ended_; ++piece) {
    const bool reading = left_.empty();
    if (!is_ready(reading ? from_ : to_, reading ? POLLIN : POLLOUT)) return;
    reading ? on_readable(0) : on_writable(0);
  }
}

void Pump::on_readable(int) {
  const auto got = ::read(from_, buffer_.data(), buffer_.size());
  if (got < 0 && is_temporary(errno)) return;
  if (got <= 0) return end();
  left_ = {buffer_.data(), static_cast<std::size_t>(got)};
  readable_.want(0);
  writable_.want(EV_WRITE);
}

void Pump::on_writable(int) {
  const auto written = ::write(to_, left_.data(), std::min<std::size_t>(left_.size(), PIPE_BUF));
  if (written < 0 && is_temporary(errno)) return;
  if (written < 0) return end();
  left_.remove_prefix(static_cast<std::size_t>(written));
  if (!left_.empty()) return;
  writable_.want(0);
  readable_.want(EV_READ);
}

void Pump::end() {
  readable_.want(0);
  writable_.want(0);
  std::exchange(ended_, {})();
}

}  // namespace policymux
