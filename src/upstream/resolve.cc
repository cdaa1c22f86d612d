#include "upstream/resolve.h"

#include <utility>

#include <fmt/format.h>

namespace policymux {
ServiceAddresses resolve_services(const std::vector<Config::Service>& services, Diagnostics& diagnostics) {
  ServiceAddresses out;
  for (const auto& service : services) {
    const auto* endpoint = std::get_if<Endpoint>(&service.address);
    if (endpoint == nullptr) continue;
    const auto [place, is_new] = out.try_emplace(to_string(*endpoint));
    if (!is_new) continue;
    auto found = addresses_of(*endpoint);
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
