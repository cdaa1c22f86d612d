#include <policymux/action.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "base/text.h"

namespace policymux {
namespace {

using Checked = Result<CheckedAction, std::string>;

// What may follow a verb.
enum class Operand : std::uint8_t { ignored, reply_text, logged_text, route, address, header };

struct VerbRow {
  std::string_view name;
  Verb verb;
  Operand operand;
};

constexpr VerbRow verb_rows[] = {
    {"DUNNO", Verb::dunno, Operand::ignored},
    {"OK", Verb::ok, Operand::ignored},
    {"RELAY", Verb::relay, Operand::ignored},
    {"REJECT", Verb::reject, Operand::reply_text},
    {"DEFER", Verb::defer, Operand::reply_text},
    {"DEFER_IF_REJECT", Verb::defer_if_reject, Operand::reply_text},
    {"DEFER_IF_PERMIT", Verb::defer_if_permit, Operand::reply_text},
    {"HOLD", Verb::hold, Operand::logged_text},
    {"DISCARD", Verb::discard, Operand::logged_text},
    {"FILTER", Verb::filter, Operand::route},
    {"REDIRECT", Verb::redirect, Operand::address},
    {"BCC", Verb::bcc, Operand::address},
    {"PREPEND", Verb::prepend, Operand::header},
    {"INFO", Verb::info, Operand::logged_text},
    {"WARN", Verb::warn, Operand::logged_text},
};

// Postfix's restrictions, after postconf(5), old names included, and how many words each takes along.
// check_*_access and check_policy_service name a table or a server with ':', which Postfix refuses here.
struct RestrictionRow {
  std::string_view name;
  std::size_t arguments = 0;
};

constexpr RestrictionRow restriction_rows[] = {
    {"check_recipient_maps"},
    {"defer"},
    {"defer_if_permit"},
    {"defer_if_reject"},
    {"defer_unauth_destination"},
    {"permit"},
    {"permit_auth_destination"},
    {"permit_dnswl_client", 1},
    {"permit_inet_interfaces"},
    {"permit_mx_backup"},
    {"permit_mynetworks"},
    {"permit_naked_ip_address"},
    {"permit_rhswl_client", 1},
    {"permit_sasl_authenticated"},
    {"permit_tls_all_clientcerts"},
    {"permit_tls_clientcerts"},
    {"reject"},
    {"reject_authenticated_sender_login_mismatch"},
    {"reject_invalid_helo_hostname"},
    {"reject_invalid_hostname"},
    {"reject_known_sender_login_mismatch"},
    {"reject_maps_rbl"},
    {"reject_multi_recipient_bounce"},
    {"reject_non_fqdn_helo_hostname"},
    {"reject_non_fqdn_hostname"},
    {"reject_non_fqdn_recipient"},
    {"reject_non_fqdn_sender"},
    {"reject_plaintext_session"},
    {"reject_rbl_client", 1},
    {"reject_rhsbl_client", 1},
    {"reject_rhsbl_helo", 1},
    {"reject_rhsbl_recipient", 1},
    {"reject_rhsbl_reverse_client", 1},
    {"reject_rhsbl_sender", 1},
    {"reject_sender_login_mismatch"},
    {"reject_unauth_destination"},
    {"reject_unauth_pipelining"},
    {"reject_unauthenticated_sender_login_mismatch"},
    {"reject_unknown_address"},
    {"reject_unknown_client"},
    {"reject_unknown_client_hostname"},
    {"reject_unknown_forward_client_hostname"},
    {"reject_unknown_helo_hostname"},
    {"reject_unknown_hostname"},
    {"reject_unknown_recipient_domain"},
    {"reject_unknown_reverse_client_hostname"},
    {"reject_unknown_sender_domain"},
    {"reject_unlisted_recipient"},
    {"reject_unlisted_sender"},
    {"reject_unverified_recipient"},
    {"reject_unverified_sender"},
    {"sleep", 1},
    {"warn_if_reject"},
};

template <class Row, std::size_t N>
const Row* row_of(const Row (&rows)[N], std::string_view name) {
  const auto row = std::ranges::find_if(rows, [name](const Row& r) { return iequals(r.name, name); });
  return row == std::end(rows) ? nullptr : row;
}

Unexpected<std::string> invalid(std::string why) { return {std::move(why)}; }

std::string quoted(std::string_view text) {
  std::string out = "'";
  append_safe(out, cut_utf8(text, 80));
  return out += '\'';
}

std::string with_spaces(std::string_view text) {
  std::string out{text};
  std::ranges::replace(out, '\t', ' ');
  return out;
}

// A verb, the blanks behind it, and what follows.
struct Parts {
  std::string_view verb, gap, operand;
};

Parts cut(std::string_view action) {
  const auto verb_end = std::ranges::find_if(action, is_blank);
  const auto operand = std::find_if_not(verb_end, action.end(), is_blank);
  return {{action.begin(), verb_end}, {verb_end, operand}, {operand, action.end()}};
}

bool all_digits(std::string_view text) { return std::ranges::all_of(text, is_digit); }

std::optional<Verb> reply_code(std::string_view word) {
  if (word.size() != 3 || !all_digits(word)) return std::nullopt;
  if (word[0] == '4') return Verb::code_4nn;
  if (word[0] == '5') return Verb::code_5nn;
  return std::nullopt;
}

// "Name: value" with a name of printable ASCII.
bool is_header(std::string_view text) {
  const auto name = text.substr(0, text.find(':'));
  return !name.empty() && name.size() < text.size() &&
         std::ranges::all_of(name, [](char c) { return c > ' ' && c < 0x7f; });
}

std::string_view cut_operand(Operand kind, std::string_view text) {
  switch (kind) {
    case Operand::reply_text: return cut_utf8(text, reply_text_limit);
    case Operand::ignored:
    case Operand::logged_text: return cut_utf8(text, logged_text_limit);
    case Operand::route:
    case Operand::address:
    case Operand::header: break;
  }
  return text;
}

// Why Postfix would not take this operand; empty: it takes it.
std::string_view objection(Operand kind, std::string_view text) {
  switch (kind) {
    case Operand::ignored:
    case Operand::reply_text:
    case Operand::logged_text: return {};
    case Operand::route:
      if (text.find(':') == text.npos) return "wants transport:destination";
      break;
    case Operand::address:
      if (text.find('@') == text.npos) return "wants an address with '@'";
      break;
    case Operand::header:
      if (!is_header(text)) return "wants a header, as in 'X-Name: value'";
      break;
  }
  return text.size() > header_limit ? "wants at most 998 bytes" : std::string_view{};
}

Checked check_verb(const Parts& parts, Verb verb, Operand kind) {
  if (const auto why = objection(kind, parts.operand); !why.empty()) {
    return invalid(to_upper(parts.verb) + ' ' + std::string{why});
  }
  if (parts.operand.empty()) return CheckedAction{.verb = verb, .text = std::string{parts.verb}};
  std::string operand;
  append_safe(operand, parts.operand);
  operand.resize(cut_operand(kind, operand).size());
  std::string text{parts.verb};
  if (!operand.empty()) text.append(with_spaces(parts.gap)).append(operand);
  return CheckedAction{.verb = verb, .text = std::move(text)};
}

bool is_class_word(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    return is_digit(c) || c == '_' || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
  });
}

// Why the word is no restriction.
std::string objection_to_restriction(std::string_view word) {
  if (row_of(verb_rows, word) != nullptr || reply_code(word)) {
    return quoted(word) + " is an action by itself: it cannot stand in a list of restrictions";
  }
  std::vector<std::string_view> names;
  for (const auto& row : verb_rows) names.push_back(row.name);
  for (const auto& row : restriction_rows) names.push_back(row.name);
  auto text = "unknown action " + quoted(word);
  const auto meant = nearest(to_upper(word), names);
  if (const auto hint = meant ? meant : nearest(to_lower(word), names)) {
    text.append(": did you mean '").append(*hint).append("'?");
  }
  return text;
}

// Words that are restrictions, each with its arguments, or the site's classes.
Checked check_restrictions(std::string_view action, const ActionRules& rules) {
  if (action.find(':') != action.npos) {
    return invalid("Postfix takes no ':' in a list of restrictions: " + quoted(action));
  }
  const auto words = split_words(action, " \t,");
  if (words.empty()) return invalid("no action: Postfix takes that for OK");
  CheckedAction checked{.verb = Verb::restriction};
  for (auto word = words.begin(); word != words.end(); ++word) {
    if (std::ranges::find(rules.restriction_classes, *word) != rules.restriction_classes.end()) continue;
    const auto* row = row_of(restriction_rows, *word);
    if (row == nullptr) {
      if (!rules.foreign || words.size() > 1 || !is_class_word(action)) return invalid(objection_to_restriction(*word));
      checked.unknown_word = true;
    } else if (static_cast<std::size_t>(words.end() - word) <= row->arguments) {
      return invalid(std::string{row->name} + " wants an argument");
    } else {
      word += static_cast<std::ptrdiff_t>(row->arguments);
    }
  }
  append_safe(checked.text, with_spaces(action));
  return checked;
}

}  // namespace

Checked check_action(std::string_view action, const ActionRules& rules) {
  action = action.substr(0, action.find_last_not_of(" \t\r") + 1);
  if (action.empty()) return invalid("no action: Postfix takes that for OK");
  if (is_blank(action.front())) return invalid("a blank before the action hides it from Postfix");
  if (all_digits(action)) return invalid(quoted(action) + " alone is all digits: Postfix takes that for OK");
  const auto parts = cut(action);
  if (const auto* row = row_of(verb_rows, parts.verb)) return check_verb(parts, row->verb, row->operand);
  if (const auto code = reply_code(parts.verb)) return check_verb(parts, *code, Operand::reply_text);
  return check_restrictions(action, rules);
}

bool takes_any_text(Verb verb) {
  using enum Operand;
  const auto row = std::ranges::find(verb_rows, verb, &VerbRow::verb);
  return row != std::end(verb_rows) &&
         (row->operand == ignored || row->operand == reply_text || row->operand == logged_text);
}

Verb verb_of(std::string_view checked_action) {
  const auto word = cut(checked_action).verb;
  if (const auto* row = row_of(verb_rows, word)) return row->verb;
  return reply_code(word).value_or(Verb::restriction);
}

}  // namespace policymux
