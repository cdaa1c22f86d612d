// The floor: as little as a policy server can do, or a server that relays to one.
#pragma once

#include <optional>
#include <string>

#include <policymux/result.h>

#include "base/endpoint.h"

namespace policymux {

struct FloorOptions {
  Endpoint listen{.host = "127.0.0.1", .port = 10002};
  std::optional<Endpoint> upstream{};  // nothing: it answers by itself
  std::optional<unsigned> cpu{};
};

// A bare epoll loop. By itself: one recv, a search for the request's end (memmem for "\n\n"), one send of
// "action=DUNNO\n\n". With an upstream: one recv and one send each way, over a connection to it for each client's,
// and no look at the bytes.
// Clients must not pipeline. A relay waits for its connections to be made, hangs up on both sides when one does, and
// gives up where a socket does not take a whole message at once.
// Serves until a signal ends the process; returns only when it cannot serve.
Result<Ok, std::string> run_floor(const FloorOptions& options);

}  // namespace policymux
