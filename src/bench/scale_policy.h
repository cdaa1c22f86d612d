// Policies as a provider's grow, of any size, and the mail they see: for measuring what the number of lines costs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bench/requests.h"

namespace policymux {

struct ScaleTest {
  enum class Kind : std::uint8_t {
    sender,
    recipient,
    sender_domain,
    recipient_domain,
    role_pattern,
    host_pattern,
    network4,
    network6,
  };
  Kind kind;
  std::string value;  // an address, a domain, or the first parts of a network
  bool negated = false;
};

// An access line. It refuses, or else calls a chain of its own.
struct ScaleLine {
  std::vector<ScaleTest> tests;
  std::vector<ScaleLine> chain{};
};
using ScalePolicy = std::vector<ScaleLine>;

// A mix of what such policies hold: exact senders and recipients, domains, networks (IPv4, IPv6), regular
// expressions over recipients and client names, conjunctions with negation, and customers with a chain of their
// own. The same seed and size give the same policy, on every machine; every line can match.
// `lines`: how many access lines, those of chains among them.
ScalePolicy make_scale_policy(std::uint64_t seed, std::size_t lines);

std::string to_policy_conf(const ScalePolicy& policy);
// For postfwd. It has no chains: their lines repeat the tests of the line that calls.
std::string to_postfwd(const ScalePolicy& policy);

// Mail that has to do with no line of any such policy, though its names and addresses look like theirs.
RequestPool scale_misses(std::uint64_t seed, std::size_t count);
// Mail of which each was made to match one line. Even: any of them. Skewed: as mail is, the n-th busiest line has one
// n-th of what the busiest has.   REQUIRES: there is a line.
enum class Spread : std::uint8_t { even, skewed };
RequestPool scale_hits(const ScalePolicy& policy, Spread spread, std::uint64_t seed, std::size_t count);

// The worst policy for an index: the guard of every line is a test of its own and holds for every request, and
// another test must be looked at to find that the line does not match.
std::string worst_policy_conf(std::size_t lines);

}  // namespace policymux
