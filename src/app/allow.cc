#include "app/allow.h"

#include <memory>

#include "match/address.h"
#include "session/peer.h"

namespace policymux {

Result<std::function<bool(const sockaddr*)>, std::string> allow_only(std::span<const std::string> networks) {
  AddressIndex::Builder builder;
  for (const auto& network : networks) {
    const auto range = parse_address_range(network);
    if (!range) return Unexpected{range.error()};
    builder.add(*range, 0);
  }
  auto allowed = std::make_shared<const AddressIndex>(std::move(builder).build());
  return std::function<bool(const sockaddr*)>{[allowed](const sockaddr* peer) {
    const auto address = parse_address(host_of(peer));
    return address && allowed->contains(*address);
  }};
}

}  // namespace policymux
