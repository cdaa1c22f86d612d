// A text of the request: whether it is known at this protocol state, and what it says.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <policymux/request.h>

#include "rule/policy.h"

namespace policymux {

// Is an attribute that was sent empty (or as 0, where that counts as empty) known to be empty at this
// state? LANGUAGE: "An empty one is known as empty only at these states, and UNKNOWN elsewhere".
bool empty_is_known(std::optional<Attribute> attribute, ProtocolState state);

// Can the attribute be known at this state at all? Postfix has, say, no sender before MAIL: PROTOCOL, "when it carries
// a value".
bool can_be_known(std::optional<Attribute> attribute, ProtocolState state);

// The text of `source` in `request`; nullopt is UNKNOWN. Points into the request or into `buffer`.
std::optional<std::string_view> text_of(const Source& source, const Request& request, ProtocolState state,
                                        std::string_view recipient_delimiter, std::string& buffer);

// What a value of match=exact stands for: `<>` of a sender is the null sender, all else is itself.
std::string_view exact_text(const Source& source, std::string_view value);

// What match=domain compares: the part after the last '@'; without one the whole of a host name, nothing of
// an address.
std::string_view domain_part(const Source& source, std::string_view text);

// The derivations by themselves (LANGUAGE, "Derived texts").
std::string_view localpart_of(std::string_view address);
std::string_view domain_of(std::string_view address);
std::string_view parent_of(std::string_view host);
// The address as its owner would write it: SRS0/SRS1 unwrapped, prvs=tag= removed, VERP undone, the
// extension cut at the first of the delimiters. Written to `buffer` where it changes.
std::string_view normalized(std::string_view address, std::string_view delimiters, std::string& buffer);

}  // namespace policymux
