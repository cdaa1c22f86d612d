// `policymux spawn`: one client, on standard input and output.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "app/hapolicy.h"
#include "app/ruleset.h"
#include "app/standard_streams.h"

namespace policymux {

struct SpawnOptions {
  Origins origins{};                          // a policy ...
  std::optional<HapolicyOptions> hapolicy{};  // ... or hapolicy's job: then no file is read
};

// Answers until the client ends the stream; SIGTERM or SIGINT answer what was received and end. Never writes anything
// but replies to the client. Runs as whoever starts it; nothing is read again while it runs. Exit status: 0, or 1 where
// it could not start or had to leave the client (a malformed request, one not finished in time).
int spawn(const SpawnOptions& options, StandardStreams streams);

// For what goes wrong before there is a log of its own: to syslog, and to a terminal.
void tell_administrator(std::string_view program, std::string_view text);

}  // namespace policymux
