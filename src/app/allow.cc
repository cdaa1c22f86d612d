#include "app/allow.h"

#include <memory>

#include "match/address.h"
#include "session/peer.h"

namespace policymux {

std::function<bool(const sockaddr*)> allow_only(std::span<const std::string> networks) {
  AddressIndex::Builder builder;
  for (const auto& network : networks) builder.add(*parse_address_range(network), 0);
  auto allowed = std::make_shared<const AddressIndex>(std::move(builder).build());
  return [allowed](const sockaddr* peer) {
    const auto address = parse_address(host_of(peer));
    return address && allowed->contains(*address);
  };
}

}  // namespace policymux
