#include "cli/exchange.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "bench/socket.h"

namespace policymux {
namespace {

using Problem = Unexpected<std::string>;

// Waits until the socket can be read or written (POLLIN, POLLOUT); false: the time is up.
bool wait_for(int fd, short event, SteadyTime deadline) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{.fd = fd, .events = event, .revents = 0};
    const int polled = ::poll(&ready, 1, static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, 86'400'000)));
    if (polled >= 0 || errno != EINTR) return polled > 0;
  }
}

Result<Ok, std::string> send_all(int fd, std::string_view text, SteadyTime deadline) {
  while (!text.empty()) {
    if (!wait_for(fd, POLLOUT, deadline)) return Problem{"the request was not taken in time"};
    const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0) return Problem{fmt::format("cannot send the request: {}", std::strerror(errno))};
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return Ok{};
}

Result<std::string, std::string> receive(int fd, SteadyTime deadline,
                                         const std::function<bool(std::string_view)>& is_whole) {
  std::string text;
  std::array<char, 4096> piece;
  while (!is_whole(text)) {
    if (!wait_for(fd, POLLIN, deadline)) return Problem{"no answer in time"};
    const auto got = ::recv(fd, piece.data(), piece.size(), 0);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) break;
    if (got < 0) return Problem{std::strerror(errno)};
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

Result<std::string, std::string> exchange(const Endpoint& server, std::string_view question, milliseconds timeout,
                                          const std::function<bool(std::string_view)>& is_whole) {
  const auto fd = connect_to(server);
  if (!fd) return Problem{fd.error()};
  return exchange(fd->get(), question, timeout, is_whole);
}

Result<std::string, std::string> exchange(int socket, std::string_view question, milliseconds timeout,
                                          const std::function<bool(std::string_view)>& is_whole) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  if (const auto sent = send_all(socket, question, deadline); !sent) return Problem{sent.error()};
  return receive(socket, deadline, is_whole);
}

}  // namespace policymux
