#include <policymux/request.h>

namespace policymux {
namespace {

constexpr std::array<std::string_view, attribute_count> attribute_names = {
    "request", "protocol_state", "protocol_name", "client_address", "client_name", "client_port",
    "reverse_client_name", "server_address", "server_port", "helo_name", "sender", "recipient",
    "recipient_count", "queue_id", "instance", "size", "etrn_domain", "stress", "sasl_method",
    "sasl_username", "sasl_sender", "ccert_subject", "ccert_issuer", "ccert_fingerprint",
    "ccert_pubkey_fingerprint", "encryption_protocol", "encryption_cipher", "encryption_keysize",
    "policy_context", "compatibility_level", "mail_version", "tls_sni",
};

constexpr std::size_t slot_count = 64;

// A perfect hash: the factors were found by trying, and by_slot() does not compile unless they are right.
constexpr std::size_t slot_of(std::string_view name) {
  const auto first = static_cast<unsigned char>(name.front()), last = static_cast<unsigned char>(name.back());
  return (name.size() + 18u * first + 31u * last) % slot_count;
}

consteval std::array<std::uint8_t, slot_count> by_slot() {
  std::array<std::uint8_t, slot_count> slots{};  // 1 + index of the attribute, 0: none
  for (std::size_t i = 0; i < attribute_count; ++i) {
    auto& slot = slots[slot_of(attribute_names[i])];
    if (slot != 0) throw "two attributes share a slot";
    slot = static_cast<std::uint8_t>(i + 1);
  }
  return slots;
}

constexpr auto slots = by_slot();

constexpr std::array<std::string_view, 11> state_names = {
    "", "CONNECT", "EHLO", "HELO", "MAIL", "RCPT", "DATA", "END-OF-MESSAGE", "VRFY", "ETRN", "other",
};

}  // namespace

std::string_view attribute_name(Attribute attribute) {
  return attribute_names[static_cast<std::size_t>(attribute)];
}

std::optional<Attribute> attribute_by_name(std::string_view name) {
  if (name.empty()) return std::nullopt;
  const auto slot = slots[slot_of(name)];
  if (slot == 0 || attribute_names[slot - 1u] != name) return std::nullopt;
  return static_cast<Attribute>(slot - 1);
}

std::string_view to_string(ProtocolState state) { return state_names[static_cast<std::size_t>(state)]; }

std::optional<std::string_view> Request::get(std::string_view wanted) const {
  if (const auto known = attribute_by_name(wanted)) return get(*known);
  for (auto field = fields_.rbegin(); field != fields_.rend(); ++field) {
    if (name(*field) == wanted) return value(*field);
  }
  return std::nullopt;
}

ProtocolState Request::state() const {
  using enum ProtocolState;
  const auto sent = get(Attribute::protocol_state);
  if (!sent) return not_sent;
  // The usual ones first.
  for (const auto state : {rcpt, mail, data, end_of_message, ehlo, helo, connect, vrfy, etrn}) {
    if (*sent == to_string(state)) return state;
  }
  return other;
}

}  // namespace policymux
