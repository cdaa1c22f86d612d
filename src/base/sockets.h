// What everybody who calls the kernel about sockets and pipes has to know.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/result.h>

#include "base/endpoint.h"

namespace policymux {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;

  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
  bool operator==(const SocketAddress& other) const {
    return size == other.size && std::memcmp(&storage, &other.storage, size) == 0;
  }
};

// Where it is: of a host name all addresses, each once, in the order in which they are to be tried. `flags`:
// getaddrinfo(3)'s, AI_PASSIVE for a listener. The error is a sentence that names nothing.
//   Blocks  a host name asks the system's resolver.
Result<std::vector<SocketAddress>, std::string> addresses_of(const Endpoint& endpoint, int flags = 0);

// Not now, but later: nothing has gone wrong.
inline bool is_temporary(int error) { return error == EAGAIN || error == EWOULDBLOCK || error == EINTR; }

// There is no room for one more, of which the other side knows nothing.
inline bool is_shortage(int error) {
  return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

// For one short message each way at a time: it leaves at once, and congestion control is the simplest, which is always
// there: others keep a model of the path with each message that only long streams gain by. A connection inherits both
// from the socket that listened when it came. Other sockets than TCP's do not know the options.
inline void suit_short_messages(int fd) {
  constexpr int on = 1;
  constexpr std::string_view simplest = "reno";
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, simplest.data(), simplest.size());
}

}  // namespace policymux
