// main.allow: whose connections over inet are accepted.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <span>
#include <string>

#include <policymux/result.h>

namespace policymux {

// REQUIRES of the predicate: an IPv4 or IPv6 socket address. The error quotes the network.
Result<std::function<bool(const sockaddr*)>, std::string> allow_only(std::span<const std::string> networks);

}  // namespace policymux
