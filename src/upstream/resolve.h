// Where services are: their names as addresses.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/sockets.h"
#include "config/config.h"

namespace policymux {

// By the text of the endpoint, "inet:host:port"; in the order in which they are to be tried.
using ServiceAddresses = std::map<std::string, std::vector<SocketAddress>>;

// The addresses of all services that have one to connect to. A name that has none, or none at the moment, is a
// warning, and its list is empty; so it is where one of them is one of our own `listeners`: requests would go round.
//   Blocks  asks the system's resolver: for the start and for the helper thread.
ServiceAddresses resolve_services(const std::vector<Config::Service>& services, const std::vector<Endpoint>& listeners,
                                  Diagnostics& diagnostics);

}  // namespace policymux
