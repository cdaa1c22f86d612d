#include "session/peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace policymux {
namespace {

const in_addr& ipv4_of(const sockaddr* address) { return reinterpret_cast<const sockaddr_in*>(address)->sin_addr; }
const in6_addr& ipv6_of(const sockaddr* address) { return reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr; }

bool is_loopback(const sockaddr* address) {
  if (address->sa_family == AF_INET) return ntohl(ipv4_of(address).s_addr) >> 24 == 127;
  const auto& v6 = ipv6_of(address);
  return IN6_IS_ADDR_LOOPBACK(&v6) || (IN6_IS_ADDR_V4MAPPED(&v6) && v6.s6_addr[12] == 127);
}

}  // namespace

std::string host_of(const sockaddr* address) {
  char text[INET6_ADDRSTRLEN] = "";
  if (address->sa_family == AF_INET) ::inet_ntop(AF_INET, &ipv4_of(address), text, sizeof text);
  if (address->sa_family == AF_INET6) ::inet_ntop(AF_INET6, &ipv6_of(address), text, sizeof text);
  return text;
}

Peer peer_of(const sockaddr* address, std::string_view listener) {
  const auto host = host_of(address);
  if (host.empty()) return {.name = std::string{listener}, .local = true};
  const bool v6 = address->sa_family == AF_INET6;
  const auto port = ntohs(v6 ? reinterpret_cast<const sockaddr_in6*>(address)->sin6_port
                             : reinterpret_cast<const sockaddr_in*>(address)->sin_port);
  return {.name = "inet:" + (v6 ? '[' + host + ']' : host) + ':' + std::to_string(port), .local = is_loopback(address)};
}

}  // namespace policymux
