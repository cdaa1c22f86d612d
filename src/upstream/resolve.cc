#include "upstream/resolve.h"

#include <netdb.h>
#include <sys/un.h>

#include <algorithm>
#include <cassert>
#include <memory>

#include <fmt/format.h>

namespace policymux {
namespace {

using Addresses = std::vector<SocketAddress>;
using AddressList = std::unique_ptr<addrinfo, decltype([](addrinfo* list) { ::freeaddrinfo(list); })>;

Addresses local_address(const Endpoint& endpoint) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  assert(endpoint.path.size() < sizeof address.sun_path);  // as Endpoint says
  endpoint.path.copy(address.sun_path, sizeof address.sun_path - 1);
  SocketAddress out{.size = sizeof address};
  std::memcpy(&out.storage, &address, sizeof address);
  return {out};
}

// The error is the resolver's sentence.
Result<Addresses, std::string> look_up(const Endpoint& endpoint) {
  if (endpoint.kind == Endpoint::Kind::local) return local_address(endpoint);
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICSERV;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const char* const host = endpoint.host.empty() ? nullptr : endpoint.host.c_str();
  const int error = ::getaddrinfo(host, std::to_string(endpoint.port).c_str(), &hints, &found);
  if (error != 0) return Unexpected<std::string>{::gai_strerror(error)};
  const AddressList list{found};
  Addresses out;
  for (const auto* one = found; one != nullptr; one = one->ai_next) {
    SocketAddress address{.size = one->ai_addrlen};
    std::memcpy(&address.storage, one->ai_addr, one->ai_addrlen);
    if (std::ranges::find(out, address) == out.end()) out.push_back(address);
  }
  return out;
}

}  // namespace

ServiceAddresses resolve_services(const std::vector<Config::Service>& services, Diagnostics& diagnostics) {
  ServiceAddresses out;
  for (const auto& service : services) {
    const auto* endpoint = std::get_if<Endpoint>(&service.address);
    if (endpoint == nullptr) continue;
    const auto [place, is_new] = out.try_emplace(to_string(*endpoint));
    if (!is_new) continue;
    auto found = look_up(*endpoint);
    if (found) {
      place->second = *std::move(found);
      continue;
    }
    diagnostics.push_back({.severity = Severity::warning,
                           .what = {.text = fmt::format("service {}: no address for '{}': {}", service.name,
                                                        endpoint->host, found.error())}});
  }
  return out;
}

}  // namespace policymux
