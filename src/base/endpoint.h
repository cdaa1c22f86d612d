// Where a server listens or is found, as Postfix writes it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <policymux/result.h>

namespace policymux {

struct Endpoint {
  enum class Kind : std::uint8_t { inet, local };  // local: a unix-domain socket
  Kind kind = Kind::inet;
  std::string host{};      // inet: a name or an address, without brackets; empty: every address to a listener,
                           // the local host to a client
  std::uint16_t port = 0;  // inet: 1 to 65535
  std::string path{};      // local: as given, 1 to 107 bytes
  bool operator==(const Endpoint&) const = default;
};

// "inet:host:port", "inet:port", "inet:[2001:db8::1]:port", "unix:path", and a bare "host:port". Looks nothing
// up: a host is an address or has the form of a name. The error is a sentence that quotes the text.
Result<Endpoint, std::string> parse_endpoint(std::string_view text);

// The same with "inet:" or "unix:" in front and IPv6 addresses in brackets; parse_endpoint() reads it back.
std::string to_string(const Endpoint& endpoint);

// Would somebody on this host who connects to `target` reach `listener`? Told by the text alone: loopback
// addresses, localhost and "every address" are understood, other names and addresses are only compared.
bool reaches(const Endpoint& target, const Endpoint& listener);

}  // namespace policymux
