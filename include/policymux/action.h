// What may be answered to Postfix, after access(5): validation and the limits of an SMTP reply.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <policymux/result.h>

namespace policymux {

// The verbs of access(5). `restriction` is a list of Postfix restriction names or restriction classes.
enum class Verb : std::uint8_t {
  dunno, ok, relay, reject, defer, defer_if_reject, defer_if_permit, code_4nn, code_5nn, hold, discard,
  filter, redirect, bcc, prepend, info, warn, restriction,
};

struct ActionRules {
  std::span<const std::string> restriction_classes{};  // the site's own (smtpd_restriction_classes)
  // An answer of another program: a single unknown word of [A-Za-z0-9_]+ passes, since it may be a class
  // that we do not know; `unknown_word` of the result says so.
  bool foreign = false;
};

struct CheckedAction {
  Verb verb = Verb::dunno;
  std::string text{};          // what follows "action=", valid UTF-8, cut to its limit
  bool unknown_word = false;   // foreign only
};

inline constexpr std::size_t reply_text_limit = 400;   // bytes; REJECT, DEFER*, 4NN, 5NN
inline constexpr std::size_t logged_text_limit = 450;  // bytes; HOLD, DISCARD, INFO, WARN
inline constexpr std::size_t header_limit = 998;       // bytes; PREPEND, FILTER, REDIRECT, BCC: longer is invalid

// Is this an action that Postfix understands and that means what it seems to mean? Text that is too long
// is cut at a UTF-8 boundary, control characters and what is not UTF-8 become '?', blanks at the end go.
// The error is the reason, as in "FILTER wants transport:destination". Invalid: nothing, blanks or commas
// only, all digits (Postfix takes a bare `550` for OK), a leading blank, 4NN/5NN without text, FILTER without
// a colon, REDIRECT or BCC without '@', PREPEND that is no header, unknown words, a restriction list with ':'.
Result<CheckedAction, std::string> check_action(std::string_view action, const ActionRules& rules = {});

// Is this verb an action whatever text follows it, none at all too? Not so 4NN and 5NN, PREPEND, routes, restrictions.
bool takes_any_text(Verb verb);

// The verb of an action that was checked before, for those who need to tell REJECT from DUNNO.
Verb verb_of(std::string_view checked_action);

}  // namespace policymux
