// One question to a server, for commands that wait for the answer.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include <policymux/result.h>

#include "base/endpoint.h"
#include "base/time.h"

namespace policymux {

// When an answer has come.
struct Awaited {
  bool (*is_whole)(std::string_view so_far);
  std::size_t limit;  // bytes
};
// One of the policy protocol, as long as one may be; whatever else a stream says until it ends.
extern const Awaited one_reply, whole_stream;

// Connects, sends `question` and returns everything that was answered by the time that it is whole, or that the server
// closed. The error says what went wrong, and quotes what came. Blocks for at most `timeout`, connecting aside.
Result<std::string, std::string> exchange(const Endpoint& server, std::string_view question, milliseconds timeout,
                                          const Awaited& awaited);
// The same over a socket that is connected, and non-blocking.
Result<std::string, std::string> exchange(int socket, std::string_view question, milliseconds timeout,
                                          const Awaited& awaited);

// "the message; it sent 'what came'".
std::string with_what_came(std::string_view message, std::string_view answer);

}  // namespace policymux
