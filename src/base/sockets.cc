#include "base/sockets.h"

#include <netdb.h>
#include <sys/un.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace policymux {
namespace {

using Addresses = Result<std::vector<SocketAddress>, std::string>;

SocketAddress address_from(const void* bytes, socklen_t size) {
  SocketAddress address{.size = size};
  std::memcpy(&address.storage, bytes, size);
  return address;
}

Addresses local_address(const std::string& path) {
  sockaddr_un local{};
  local.sun_family = AF_UNIX;
  if (path.size() >= sizeof local.sun_path) return Unexpected<std::string>{std::strerror(ENAMETOOLONG)};
  path.copy(local.sun_path, path.size());
  return std::vector{address_from(&local, sizeof local)};
}

}  // namespace

Addresses addresses_of(const Endpoint& endpoint, int flags) {
  if (endpoint.kind == Endpoint::Kind::local) return local_address(endpoint.path);
  addrinfo hints{};
  hints.ai_flags = flags | AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const char* const host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
  const int error = ::getaddrinfo(host, std::to_string(endpoint.port).c_str(), &hints, &found);
  if (error != 0) return Unexpected<std::string>{::gai_strerror(error)};
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{found, ::freeaddrinfo};
  std::vector<SocketAddress> out;
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    const auto address = address_from(one->ai_addr, one->ai_addrlen);
    if (std::ranges::find(out, address) == out.end()) out.push_back(address);
  }
  return out;
}

}  // namespace policymux
