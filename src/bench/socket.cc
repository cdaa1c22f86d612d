#include "bench/socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

#include <fmt/format.h>

namespace policymux {
namespace {

Unexpected<std::string> failed(const Endpoint& endpoint, std::string_view reason) {
  return Unexpected{fmt::format("{}: {}", to_string(endpoint), reason)};
}
Unexpected<std::string> failed(const Endpoint& endpoint) { return failed(endpoint, std::strerror(errno)); }

void set_option(int fd, int level, int name) {
  const int on = 1;
  ::setsockopt(fd, level, name, &on, sizeof on);  // a help, not a need
}

UniqueFd stream_socket(const SocketAddress& address, int flags = 0) {
  return UniqueFd{::socket(address.get()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)};
}

// As much of connect(2)'s choice of a local end as we take over: the address. The port is chosen then.
void come_from_loopback(int fd, const SocketAddress& target, std::uint64_t nth) {
  constexpr std::uint32_t loopback = 0x7f000000, first = loopback + 0x10000;
  if (target.get()->sa_family != AF_INET) return;
  auto source = reinterpret_cast<const sockaddr_in&>(target.storage);
  if ((ntohl(source.sin_addr.s_addr) & 0xff000000) != loopback) return;
  source.sin_addr.s_addr = htonl(first + static_cast<std::uint32_t>(nth % 256));
  source.sin_port = 0;
  set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
  ::bind(fd, reinterpret_cast<const sockaddr*>(&source), sizeof source);  // a help, not a need
}

bool make_non_blocking(int fd) { return ::fcntl(fd, F_SETFL, O_NONBLOCK) == 0; }

}  // namespace

Result<SocketAddress, std::string> resolve(const Endpoint& endpoint) {
  auto place = endpoint;
  if (place.host.empty()) place.host = "127.0.0.1";
  const auto addresses = addresses_of(place);
  if (!addresses) return failed(endpoint, addresses.error());
  return addresses->front();
}

Result<UniqueFd, std::string> connect_to(const Endpoint& endpoint) {
  const auto address = resolve(endpoint);
  if (!address) return Unexpected{address.error()};
  auto fd = stream_socket(*address);
  if (!fd || ::connect(fd.get(), address->get(), address->size) != 0) return failed(endpoint);
  suit_short_messages(fd.get());
  if (!make_non_blocking(fd.get())) return failed(endpoint);
  return fd;
}

Result<UniqueFd, std::string> begin_connect(const Endpoint& endpoint, const SocketAddress& address, std::uint64_t nth) {
  if (endpoint.kind == Endpoint::Kind::local) return connect_to(endpoint);
  auto fd = stream_socket(address, SOCK_NONBLOCK);
  if (!fd) return failed(endpoint);
  come_from_loopback(fd.get(), address, nth);
  if (::connect(fd.get(), address.get(), address.size) != 0 && errno != EINPROGRESS) return failed(endpoint);
  suit_short_messages(fd.get());
  return fd;
}

Result<UniqueFd, std::string> listen_on(const Endpoint& endpoint) {
  const auto address = resolve(endpoint);
  if (!address) return Unexpected{address.error()};
  auto fd = stream_socket(*address);
  if (!fd) return failed(endpoint);
  set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR);
  suit_short_messages(fd.get());  // those that it accepts
  if (endpoint.kind == Endpoint::Kind::local) ::unlink(endpoint.path.c_str());
  if (::bind(fd.get(), address->get(), address->size) != 0 || ::listen(fd.get(), SOMAXCONN) != 0 ||
      !make_non_blocking(fd.get())) {
    return failed(endpoint);
  }
  return fd;
}

Result<Ok, std::string> pin_to_cpu(std::optional<unsigned> cpu) {
  if (!cpu) return Ok{};
  cpu_set_t set;
  CPU_ZERO(&set);
  if (*cpu < CPU_SETSIZE) CPU_SET(*cpu, &set);
  if (::sched_setaffinity(0, sizeof set, &set) == 0) return Ok{};
  return Unexpected{fmt::format("cannot run on cpu {}: {}", *cpu, std::strerror(errno))};
}

}  // namespace policymux
