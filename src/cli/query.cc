#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fmt/format.h>

#include "base/text.h"
#include "bench/socket.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "proto/reply.h"

namespace policymux {
namespace {

using Problem = Unexpected<std::string>;

using Deadline = std::chrono::steady_clock::time_point;

// Waits until the socket can be read or written (POLLIN, POLLOUT); false: the time is up.
bool wait_for(int fd, short event, Deadline deadline) {
  while (true) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{.fd = fd, .events = event, .revents = 0};
    const int polled = ::poll(&ready, 1, static_cast<int>(std::clamp<milliseconds::rep>(left.count(), 0, 86'400'000)));
    if (polled >= 0 || errno != EINTR) return polled > 0;
  }
}

Result<Ok, std::string> send_all(int fd, std::string_view text, Deadline deadline) {
  while (!text.empty()) {
    if (!wait_for(fd, POLLOUT, deadline)) return Problem{"the request was not taken in time"};
    const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0) return Problem{fmt::format("cannot send the request: {}", std::strerror(errno))};
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return Ok{};
}

// The action of the reply.
Result<std::string, std::string> receive(int fd, Deadline deadline) {
  std::string text;
  std::array<char, 4096> piece;
  while (true) {
    if (const auto reply = parse_reply(text)) {
      if (!reply->action) return Problem{"the reply has no action"};
      return std::string{*reply->action};
    }
    if (!wait_for(fd, POLLIN, deadline)) return Problem{"no answer in time"};
    const auto got = ::recv(fd, piece.data(), piece.size(), 0);
    if (got < 0) return Problem{std::strerror(errno)};
    if (got == 0) return Problem{"the server closed the connection without an answer"};
    text.append(piece.data(), static_cast<std::size_t>(got));
  }
}

// What Postfix would send, as far as it was said.
std::string request_from(const std::vector<std::string>& attributes) {
  std::string text;
  const auto said = [&attributes](std::string_view name) {
    return std::ranges::any_of(attributes, [name](std::string_view a) { return a.substr(0, a.find('=')) == name; });
  };
  if (!said("request")) text += "request=smtpd_access_policy\n";
  if (!said("protocol_state")) text += "protocol_state=RCPT\n";
  for (const auto& attribute : attributes) text += attribute + "\n";
  return text + "\n";
}

Result<Endpoint, std::string> server_of(const QueryOptions& options) {
  if (options.server) return *options.server;
  Diagnostics diagnostics;
  const auto config = read_config(options.origins, diagnostics);
  if (config && !config->main.listen.empty()) return config->main.listen.front();
  return Problem{diagnostics.empty() ? "main.conf has no listener" : summary(diagnostics.front())};
}

Result<std::string, std::string> ask(const QueryOptions& options) {
  const auto server = server_of(options);
  if (!server) return Problem{server.error()};
  auto text = options.attributes.empty() ? read_all(STDIN_FILENO) : request_from(options.attributes);
  if (!text.ends_with("\n\n")) text += text.ends_with('\n') ? "\n" : "\n\n";
  const auto fd = connect_to(*server);
  if (!fd) return Problem{fd.error()};
  const auto deadline = std::chrono::steady_clock::now() + options.timeout;
  if (const auto sent = send_all(fd->get(), text, deadline); !sent) return Problem{sent.error()};
  return receive(fd->get(), deadline);
}

}  // namespace

int query(const QueryOptions& options) {
  const auto action = ask(options);
  if (!action) {
    fmt::print(stderr, "policymux query: {}\n", action.error());
    return 1;
  }
  std::string safe;
  append_safe(safe, *action);
  fmt::print("action={}\n", safe);
  return 0;
}

}  // namespace policymux
