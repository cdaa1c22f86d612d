// Sockets for the two ends of a measurement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <policymux/result.h>

#include "base/endpoint.h"
#include "base/sockets.h"
#include "base/unique_fd.h"

namespace policymux {

Result<SocketAddress, std::string> resolve(const Endpoint& endpoint);

// A connected, non-blocking socket, suited to short messages as the daemon's are. Waits for the connection. The error
// names the endpoint.
Result<UniqueFd, std::string> connect_to(const Endpoint& endpoint);

// The same, to what resolve() has found, and without waiting for an inet connection: send() says EAGAIN until it is
// made, or why it is not. To 127/8 the n-th comes from one of 256 such addresses in turn: a single one has all its
// ports in TIME_WAIT after two seconds, and looking for a free one then takes the kernel longer than all the rest.
Result<UniqueFd, std::string> begin_connect(const Endpoint& endpoint, const SocketAddress& address, std::uint64_t nth);

// A non-blocking listener; a socket file that is there is replaced, whoever's it is.
Result<UniqueFd, std::string> listen_on(const Endpoint& endpoint);

// Keeps this process on one core; nullopt: wherever the kernel likes.
Result<Ok, std::string> pin_to_cpu(std::optional<unsigned> cpu);

}  // namespace policymux
