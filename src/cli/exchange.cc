#include "cli/exchange.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "base/sockets.h"
#include "base/text.h"
#include "bench/socket.h"
#include "proto/reply.h"
#include "upstream/reply_reader.h"

namespace policymux {
namespace {

using Problem = Unexpected<std::string>;

// Waits until the socket can be read or written (POLLIN, POLLOUT); false: the time is up.
bool wait_for(int fd, short event, SteadyTime deadline) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd ready{.fd = fd, .events = event, .revents = 0};
    const int polled = ::poll(&ready, 1, static_cast<int>(std::min<milliseconds::rep>(left.count(), 86'400'000)));
    if (polled >= 0 || errno != EINTR) return polled > 0;
  }
}

// Whoever answers and ends without reading all is heard out, too.
Result<Ok, std::string> send_all(int fd, std::string_view text, SteadyTime deadline) {
  while (!text.empty()) {
    if (!wait_for(fd, POLLOUT, deadline)) return Problem{"the request was not taken in time"};
    const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && (errno == EPIPE || errno == ECONNRESET)) break;
    if (sent < 0 && is_temporary(errno)) continue;
    if (sent < 0) return Problem{fmt::format("cannot send the request: {}", std::strerror(errno))};
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return Ok{};
}

Result<std::string, std::string> receive(int fd, SteadyTime deadline, const Awaited& awaited) {
  std::string text;
  std::array<char, 4096> piece;
  while (!awaited.is_whole(text)) {
    const auto room = std::min(piece.size(), awaited.limit - text.size());
    if (room == 0) {
      return Problem{with_what_came(fmt::format("the answer is longer than {} bytes", awaited.limit), text)};
    }
    if (!wait_for(fd, POLLIN, deadline)) return Problem{with_what_came("no answer in time", text)};
    const auto got = ::recv(fd, piece.data(), room, 0);
    if (got < 0 && is_temporary(errno)) continue;
    if (got == 0 || (got < 0 && errno == ECONNRESET)) break;
    if (got < 0) return Problem{std::strerror(errno)};
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
  return text;
}

}  // namespace

const Awaited one_reply{[](std::string_view so_far) { return parse_reply(so_far).has_value(); }, reply_limit};
const Awaited whole_stream{[](std::string_view) { return false; }, std::size_t{64} << 20};

Result<std::string, std::string> exchange(const Endpoint& server, std::string_view question, milliseconds timeout,
                                          const Awaited& awaited) {
  const auto fd = connect_to(server);
  if (!fd) return Problem{fd.error()};
  return exchange(fd->get(), question, timeout, awaited);
}

Result<std::string, std::string> exchange(int socket, std::string_view question, milliseconds timeout,
                                          const Awaited& awaited) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  if (const auto sent = send_all(socket, question, deadline); !sent) return Problem{sent.error()};
  return receive(socket, deadline, awaited);
}

std::string with_what_came(std::string_view message, std::string_view answer) {
  answer = answer.substr(0, answer.find_last_not_of("\r\n") + 1);
  return answer.empty() ? std::string{message} : fmt::format("{}; it sent {}", message, in_quotes(answer));
}

}  // namespace policymux
