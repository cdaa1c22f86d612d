// One question of Postfix's, as SMTPD_POLICY_README describes it: attributes, each a name and a value.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace policymux {

// The value of `request` in what is asked of us.
inline constexpr std::string_view policy_request = "smtpd_access_policy";

// The attributes that Postfix sends (2.1 to 3.12), in the order in which it sends them.
enum class Attribute : std::uint8_t {
  request, protocol_state, protocol_name, client_address, client_name, client_port, reverse_client_name,
  server_address, server_port, helo_name, sender, recipient, recipient_count, queue_id, instance, size,
  etrn_domain, stress, sasl_method, sasl_username, sasl_sender, ccert_subject, ccert_issuer,
  ccert_fingerprint, ccert_pubkey_fingerprint, encryption_protocol, encryption_cipher, encryption_keysize,
  policy_context, compatibility_level, mail_version, tls_sni,
};
inline constexpr std::size_t attribute_count = 32;

// "sender" for Attribute::sender.
std::string_view attribute_name(Attribute attribute);
// The attribute of that name (case-sensitive), or nothing. Cost: one hash, one comparison.
std::optional<Attribute> attribute_by_name(std::string_view name);

// Where in the SMTP session the question is asked (the value of protocol_state).
enum class ProtocolState : std::uint8_t {
  not_sent,  // the request has no protocol_state at all
  connect, ehlo, helo, mail, rcpt, data, end_of_message, vrfy, etrn,
  other,     // any other value, XCLIENT among them
};
std::string_view to_string(ProtocolState state);
// Those with a name of their own.
inline constexpr std::array smtp_states = {
    ProtocolState::connect, ProtocolState::ehlo, ProtocolState::helo, ProtocolState::mail, ProtocolState::rcpt,
    ProtocolState::data, ProtocolState::end_of_message, ProtocolState::vrfy, ProtocolState::etrn};

// Attributes by reference: offsets into a buffer that somebody else owns and that must not change while
// the request is read. A move keeps that reference; after the buffer was copied elsewhere, say rebase().
//   Repeated attributes: the last one counts.
//   Cost: a known attribute is found in O(1), one by any other name by a walk over those not known.
//   Memory: nothing is allocated once the tables have grown to what the peer sends.
class Request {
 public:
  struct Field { std::uint32_t name_at = 0, name_size = 0, value_at = 0, value_size = 0; };

  // nullopt: was not sent. An attribute sent without a value is an empty text.
  std::optional<std::string_view> get(Attribute attribute) const {
    const auto at = known_[static_cast<std::size_t>(attribute)];
    if (at == 0) return std::nullopt;
    return value(fields_[at - 1u]);
  }
  std::optional<std::string_view> get(std::string_view name) const;
  // The same, with empty for what was not sent.
  std::string_view text(Attribute attribute) const { return get(attribute).value_or(std::string_view{}); }

  ProtocolState state() const;

  // Every attribute as it came, repeated ones included, in order.
  std::size_t size() const { return fields_.size(); }
  std::string_view name_at(std::size_t i) const { return name(fields_[i]); }
  std::string_view value_at(std::size_t i) const { return value(fields_[i]); }

  // Wall-clock time of arrival: what day and time rules see. Fixed for the life of the request.
  std::chrono::sys_time<std::chrono::milliseconds> now{};

  // The bytes of the request, its closing empty line included: what a copy must hold.
  std::string_view raw() const { return {buffer_, extent_}; }

  // For those who fill it: start anew over a buffer, add what was found there, say where it ended.
  void reset(const char* buffer) { buffer_ = buffer; extent_ = 0; fields_.clear(); known_.fill(0); }
  void rebase(const char* buffer) { buffer_ = buffer; }
  void close(std::size_t extent) { extent_ = extent; }
  void add(const Field& field, std::optional<Attribute> known) {
    fields_.push_back(field);
    if (known) known_[static_cast<std::size_t>(*known)] = static_cast<std::uint16_t>(fields_.size());
  }

 private:
  std::string_view name(const Field& f) const { return {buffer_ + f.name_at, f.name_size}; }
  std::string_view value(const Field& f) const { return {buffer_ + f.value_at, f.value_size}; }

  const char* buffer_ = nullptr;
  std::size_t extent_ = 0;
  std::vector<Field> fields_;
  std::array<std::uint16_t, attribute_count> known_{};  // 1 + index into fields_, 0: not sent
};

}  // namespace policymux
