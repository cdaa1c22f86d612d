// Who is at the other end of a connection.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

namespace policymux {

struct Peer {
  std::string name{};  // for log lines: "inet:127.0.0.1:40112", "unix:/run/policymux/socket"
  bool local = false;  // a unix-domain socket or a loopback address: it cannot vanish without our being told
};

// `listener` is the name where the address has none of its own (unix-domain clients seldom have one).
Peer peer_of(const sockaddr* address, std::string_view listener);

// The address alone: "192.0.2.1", "2001:db8::1"; empty for anything but IPv4 and IPv6.
std::string host_of(const sockaddr* address);

}  // namespace policymux
