// The other end of a connection, played by a test: nothing blocks, everything that arrives is kept.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <string_view>
#include <utility>

#include "base/unique_fd.h"
#include "support/catch.h"

namespace policymux::test {

class ScriptedPeer {
 public:
  explicit ScriptedPeer(UniqueFd fd) : fd_{std::move(fd)} {}

  // A peer and the descriptor that it talks to.
  static std::pair<ScriptedPeer, UniqueFd> pair() {
    int fds[2];
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    return {ScriptedPeer{UniqueFd{fds[0]}}, UniqueFd{fds[1]}};
  }

  // Connected to where `listening` listens.
  static ScriptedPeer connect_to(int listening) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    REQUIRE(::getsockname(listening, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    UniqueFd fd{::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    REQUIRE(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size) == 0);
    return ScriptedPeer{std::move(fd)};
  }

  // All of it must fit into the socket's buffer.
  void send(std::string_view text) { REQUIRE(try_send(text)); }
  // For a peer that may have been left already.
  bool try_send(std::string_view text) {
    const auto sent = ::send(fd_.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    return sent == static_cast<ssize_t>(text.size());
  }

  // Everything that has arrived so far.
  const std::string& received() {
    char buffer[65536];
    ssize_t n = 0;
    while ((n = ::recv(fd_.get(), buffer, sizeof buffer, MSG_DONTWAIT)) > 0) {
      received_.append(buffer, static_cast<std::size_t>(n));
    }
    if (n == 0 || (errno != EAGAIN && errno != EINTR)) closed_ = true;
    return received_;
  }
  // Has the other side closed?
  bool closed() {
    received();
    return closed_;
  }

  int fd() const { return fd_.get(); }
  void half_close() { REQUIRE(::shutdown(fd_.get(), SHUT_WR) == 0); }
  void close() { fd_ = UniqueFd{}; }
  // TCP only: the other side sees an error, not an end.
  void reset() {
    const linger now{.l_onoff = 1, .l_linger = 0};
    REQUIRE(::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now) == 0);
    close();
  }

 private:
  UniqueFd fd_;
  std::string received_{};
  bool closed_ = false;
};

}  // namespace policymux::test
