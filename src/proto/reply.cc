#include "proto/reply.h"

namespace policymux {
namespace {

constexpr std::string_view action_is = "action=";

}  // namespace

void append_reply(std::string& out, std::string_view action) { out.append(action_is).append(action).append("\n\n"); }

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
