// main.allow: whose connections over inet are accepted.
#pragma once

#include <sys/socket.h>

#include <functional>
#include <span>
#include <string>

namespace policymux {

// REQUIRES: value_checks() has found nothing wrong with the networks.
// REQUIRES of the predicate: an IPv4 or IPv6 socket address.
std::function<bool(const sockaddr*)> allow_only(std::span<const std::string> networks);

}  // namespace policymux
