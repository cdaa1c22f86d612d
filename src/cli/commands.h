// The commands that end by themselves. Each returns the exit status: 0 done, 1 a problem.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "app/ruleset.h"
#include "base/endpoint.h"
#include "base/time.h"

namespace policymux {

// Reads main.conf and the policy as the daemon would, tells every mistake and every doubt on stderr and how much
// there is on stdout.
struct CheckOptions {
  Origins origins{};
  bool dump = false;         // every setting of main.conf on stdout instead
  bool dump_policy = false;  // the policy as it was understood, and how it was compiled
};
int check(const CheckOptions& options);

// Requests from files, or from stdin where there are none: why is each decided as it is?
struct ExplainOptions {
  Origins origins{};
  std::vector<std::string> files{};
  bool json = false;  // one JSON object a request, see explain_json.h
};
int explain(const ExplainOptions& options);

// One request to a running server or to a plug-in, its answer on stdout.
struct QueryOptions {
  Origins origins{};
  std::optional<Endpoint> server{};       // nullopt: the first listener of main.conf
  std::optional<std::string> plugin{};    // a command to be run and asked in place of a server
  std::vector<std::string> attributes{};  // name=value; none: a request from stdin
  milliseconds timeout{std::chrono::seconds{100}};
};
int query(const QueryOptions& options);

// What a running daemon can tell about itself, asked over its control socket. "services": health and figures of each.
struct CtlOptions {
  Origins origins{};
  std::string command{};
  std::string socket{};  // a path; empty: main.conf's admin.socket
  bool json = false;     // as the daemon says it: one JSON object; otherwise a table for people
  milliseconds timeout{std::chrono::seconds{5}};
};
int ctl(const CtlOptions& options);

}  // namespace policymux
