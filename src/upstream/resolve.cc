#include "upstream/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <sys/un.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace policymux {
namespace {

using Addresses = std::vector<SocketAddress>;

// An inet address, of IPv4 as the IPv6 address that stands for it.
struct Place {
  in6_addr host{};
  in_port_t port = 0;

  bool operator==(const Place& other) const { return port == other.port && IN6_ARE_ADDR_EQUAL(&host, &other.host); }
  in_addr_t ipv4() const { return IN6_IS_ADDR_V4MAPPED(&host) ? ntohl(host.s6_addr32[3]) : INADDR_NONE; }
  bool is_any() const { return IN6_IS_ADDR_UNSPECIFIED(&host) || ipv4() == INADDR_ANY; }
  bool is_loopback() const { return IN6_IS_ADDR_LOOPBACK(&host) || ipv4() >> 24 == IN_LOOPBACKNET; }
};

Place place_of(const SocketAddress& address) {
  if (address.get()->sa_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address.storage);
    return {v6.sin6_addr, v6.sin6_port};
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address.storage);
  Place place{IN6ADDR_ANY_INIT, v4.sin_port};
  place.host.s6_addr16[5] = 0xffff;
  place.host.s6_addr32[3] = v4.sin_addr.s_addr;
  return place;
}

std::filesystem::path path_of(const SocketAddress& local) {
  return reinterpret_cast<const sockaddr_un&>(local.storage).sun_path;
}

// Does whoever connects to `target` come to `listener`?
bool reaches(const SocketAddress& target, const SocketAddress& listener) {
  const bool is_local = target.get()->sa_family == AF_UNIX;
  if (is_local != (listener.get()->sa_family == AF_UNIX)) return false;
  if (is_local) {
    std::error_code none;  // one that is not there is no other's
    return std::filesystem::equivalent(path_of(target), path_of(listener), none);
  }
  const auto to = place_of(target), ours = place_of(listener);
  if (to == ours) return true;
  const bool is_here = to.is_any() || to.is_loopback();
  return to.port == ours.port && is_here && (ours.is_any() || (to.is_any() && ours.is_loopback()));
}

Addresses all_of(const std::vector<Endpoint>& listeners) {
  Addresses out;
  for (const auto& listener : listeners) {
    if (const auto found = addresses_of(listener, AI_PASSIVE)) out.insert(out.end(), found->begin(), found->end());
  }
  return out;
}

// The error is a sentence.
Result<Addresses, std::string> look_up(const Endpoint& endpoint, const Addresses& ours) {
  auto found = addresses_of(endpoint);
  if (!found) return Unexpected{fmt::format("no address for '{}': {}", endpoint.host, found.error())};
  const auto is_ours = [&](const SocketAddress& one) {
    return std::ranges::any_of(ours, [&](const SocketAddress& listener) { return reaches(one, listener); });
  };
  if (!std::ranges::any_of(*found, is_ours)) return found;
  return Unexpected{fmt::format("{} is one of our own listeners: it is not asked", to_string(endpoint))};
}

}  // namespace

ServiceAddresses resolve_services(const std::vector<Config::Service>& services, const std::vector<Endpoint>& listeners,
                                  Diagnostics& diagnostics) {
  const auto ours = all_of(listeners);
  ServiceAddresses out;
  for (const auto& service : services) {
    const auto* endpoint = std::get_if<Endpoint>(&service.address);
    if (endpoint == nullptr) continue;
    const auto [place, is_new] = out.try_emplace(to_string(*endpoint));
    if (!is_new) continue;
    if (auto found = look_up(*endpoint, ours)) {
      place->second = *std::move(found);
    } else {
      diagnostics.push_back({.severity = Severity::warning,
                             .what = {.text = fmt::format("service {}: {}", service.name, found.error())}});
    }
  }
  return out;
}

}  // namespace policymux
