#include "proto/reply.h"

namespace policymux {
namespace {

constexpr std::string_view action_is = "action=", end_of_reply = "\n\n";

}  // namespace

void append_reply(std::string& out, std::string_view action) {
  out.append(action_is).append(action).append(end_of_reply);
}

std::string_view action_of(std::string_view reply) {
  return reply.substr(action_is.size(), reply.size() - action_is.size() - end_of_reply.size());
}

std::optional<Reply> parse_reply(std::string_view input) {
  Reply reply;
  while (true) {
    const auto newline = input.find('\n', reply.extent);
    if (newline == input.npos) return std::nullopt;
    auto line = input.substr(reply.extent, newline - reply.extent);
    if (line.ends_with('\r')) line.remove_suffix(1);
    reply.extent = newline + 1;
    if (line.empty()) return reply;
    if (!reply.action && line.starts_with(action_is)) reply.action = line.substr(action_is.size());
  }
}

}  // namespace policymux
