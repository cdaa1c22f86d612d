// What a session (Postfix connection, spawn, the library) needs of the room that decides.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <policymux/request.h>

namespace policymux {

// What is remembered about one Postfix connection, from its first request to its end. Owned by the session.
struct Conversation {
  std::string peer{};                         // for log lines: "inet:127.0.0.1:40112", "unix:/run/x", "stdin"
  std::string instance{};                     // the message last asked about; empty: none
  std::vector<std::uint64_t> prepended{};     // hashes of the PREPEND texts answered for that message
};

// Who waits for a late answer.
class Client {
 public:
  // The whole reply, "action=...\n\n"; valid during the call only. Called once, never from inside
  // suspend(), and not after the Suspended is gone. The Suspended may be destroyed from inside this call.
  virtual void answered(std::string_view reply) = 0;

 protected:
  ~Client() = default;
};

// A request that waits. Destroying it cancels: nothing more is asked for it and nobody is called.
class Suspended {
 public:
  virtual ~Suspended() = default;
};

class RequestHandler {
 public:
  virtual ~RequestHandler() = default;

  // Decides now where no answer from outside is needed: the whole reply, "action=...\n\n", valid until the
  // next call of handle(). nullopt: the request must wait, and suspend() is the next call.
  // Cost: no allocation and no system call.
  virtual std::optional<std::string_view> handle(const Request& request, Conversation& conversation) = 0;

  // Goes on with the request that handle() has just left open; `request` is copied, its buffer too.
  // REQUIRES: conversation and client outlive the Suspended.
  virtual std::unique_ptr<Suspended> suspend(const Request& request, Conversation& conversation, Client& client) = 0;
};

}  // namespace policymux
