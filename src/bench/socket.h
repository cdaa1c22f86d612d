// Sockets for the two ends of a measurement.
#pragma once

#include <optional>
#include <string>

#include <policymux/result.h>

#include "base/endpoint.h"
#include "base/unique_fd.h"

namespace policymux {

// A connected, non-blocking socket (TCP_NODELAY). Waits for the connection. The error names the endpoint.
Result<UniqueFd, std::string> connect_to(const Endpoint& endpoint);

// The same without waiting for an inet connection: send() says EAGAIN until it is made, or why it is not.
Result<UniqueFd, std::string> begin_connect(const Endpoint& endpoint);

// A non-blocking listener; a socket file that is there is replaced, whoever's it is.
Result<UniqueFd, std::string> listen_on(const Endpoint& endpoint);

// Keeps this process on one core; nullopt: wherever the kernel likes.
Result<Ok, std::string> pin_to_cpu(std::optional<unsigned> cpu);

}  // namespace policymux
