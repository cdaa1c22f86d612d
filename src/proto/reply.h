// Replies on the wire: "action=VERB text", an empty line.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace policymux {

// Appends the whole reply. REQUIRES: check_action() made `action`, so it holds no line break.
void append_reply(std::string& out, std::string_view action);

inline constexpr std::string_view dunno_reply = "action=DUNNO\n\n";

// The action of a whole reply of ours.
std::string_view action_of(std::string_view reply);

// What a policy server sent. Points into the input.
struct Reply {
  std::optional<std::string_view> action{};  // the first attribute `action`; nullopt: a failed request
  std::size_t extent = 0;                    // bytes, the empty line included
};

// Reads as Postfix does: attributes up to an empty line, the first `action` counts, all else is skipped,
// names are compared exactly (`Action=` and `action =` are others). More liberal only in that one CR
// before a line's LF is dropped. nullopt: the empty line is not there yet.
std::optional<Reply> parse_reply(std::string_view input);

}  // namespace policymux
