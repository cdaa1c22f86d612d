#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include <fmt/format.h>

#include "base/text.h"
#include "base/unique_fd.h"
#include "cli/commands.h"
#include "cli/input.h"
#include "proto/reply.h"

namespace policymux {
namespace {

using Problem = Unexpected<std::string>;

Problem failed(const Endpoint& server) { return {fmt::format("{}: {}", to_string(server), std::strerror(errno))}; }

Result<UniqueFd, std::string> connect_local(const Endpoint& server) {
  UniqueFd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  server.path.copy(address.sun_path, sizeof address.sun_path - 1);
  if (!fd || ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed(server);
  return fd;
}

Result<UniqueFd, std::string> connect_to(const Endpoint& server) {
  if (server.kind == Endpoint::Kind::local) return connect_local(server);
  const addrinfo hints{.ai_flags = AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
  addrinfo* found = nullptr;
  const auto port = std::to_string(server.port);
  if (const int error = ::getaddrinfo(server.host.empty() ? nullptr : server.host.c_str(), port.c_str(), &hints, &found)) {
    return Problem{fmt::format("{}: {}", to_string(server), ::gai_strerror(error))};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> all{found, &::freeaddrinfo};
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    UniqueFd fd{::socket(one->ai_family, one->ai_socktype | SOCK_CLOEXEC, one->ai_protocol)};
    if (fd && ::connect(fd.get(), one->ai_addr, one->ai_addrlen) == 0) return fd;
  }
  return failed(server);
}

Result<Ok, std::string> send_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return Problem{fmt::format("cannot send the request: {}", std::strerror(errno))};
    text.remove_prefix(static_cast<std::size_t>(sent));
  }
  return Ok{};
}

// The action of the reply.
Result<std::string, std::string> receive(int fd, milliseconds timeout) {
  std::string text;
  std::array<char, 4096> piece;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (true) {
    if (const auto reply = parse_reply(text)) {
      if (!reply->action) return Problem{"the reply has no action"};
      return std::string{*reply->action};
    }
    const auto left = std::chrono::ceil<milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd ready{.fd = fd, .events = POLLIN, .revents = 0};
    const int polled = ::poll(&ready, 1, static_cast<int>(std::max<milliseconds::rep>(left.count(), 0)));
    if (polled < 0 && errno == EINTR) continue;
    if (polled <= 0) return Problem{"no answer in time"};
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
  if (!options.server.empty()) return parse_endpoint(options.server);
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
  if (const auto sent = send_all(fd->get(), text); !sent) return Problem{sent.error()};
  return receive(fd->get(), options.timeout);
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
