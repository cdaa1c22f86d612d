#include "rule/source.h"

#include <algorithm>
#include "base/text.h"
#include "match/address.h"

namespace policymux {
namespace {

using enum ProtocolState;

constexpr unsigned bit(ProtocolState state) { return 1u << static_cast<unsigned>(state); }
constexpr unsigned always = ~0u;
constexpr unsigned from_mail = bit(mail) | bit(rcpt) | bit(data) | bit(end_of_message);
constexpr unsigned from_mail_or_command = from_mail | bit(vrfy) | bit(etrn);

// At which states is an empty value known to be empty?
constexpr unsigned empty_known_at(Attribute attribute) {
  switch (attribute) {
    case Attribute::sender:
      return from_mail;
    case Attribute::helo_name:
    case Attribute::sasl_method: case Attribute::sasl_username: case Attribute::sasl_sender:
    case Attribute::ccert_subject: case Attribute::ccert_issuer:
    case Attribute::ccert_fingerprint: case Attribute::ccert_pubkey_fingerprint:
    case Attribute::encryption_protocol: case Attribute::encryption_cipher:
    case Attribute::encryption_keysize: case Attribute::tls_sni:
      return from_mail_or_command;
    case Attribute::recipient_count:
      return bit(data) | bit(end_of_message);
    case Attribute::size:
      return bit(end_of_message);
    case Attribute::etrn_domain:
      return bit(etrn);
    case Attribute::recipient: case Attribute::queue_id: case Attribute::instance:
      return 0;
    default:
      return always;
  }
}

// At which states does Postfix have no value to send?
constexpr unsigned without_value_at(Attribute attribute) {
  constexpr unsigned before_mail = bit(connect) | bit(ehlo) | bit(helo) | bit(etrn);
  switch (attribute) {
    case Attribute::helo_name:
    case Attribute::sasl_method: case Attribute::sasl_username: case Attribute::sasl_sender:
      return bit(connect);
    case Attribute::sender:
      return before_mail;
    case Attribute::recipient: case Attribute::queue_id:
      return before_mail | bit(mail);
    case Attribute::size: case Attribute::instance:
      return before_mail | bit(vrfy);
    case Attribute::recipient_count:
      return ~(bit(data) | bit(end_of_message));
    case Attribute::etrn_domain:
      return ~bit(etrn);
    default:
      return 0;
  }
}

constexpr bool zero_is_empty(Attribute attribute) {
  return attribute == Attribute::recipient_count || attribute == Attribute::size ||
         attribute == Attribute::encryption_keysize;
}

// "=xx=" style pieces: the text up to the next '=', and what follows it.
struct Cut {
  std::string_view head, rest;
  bool found;
};
Cut cut_at(std::string_view text, char at) {
  const auto pos = text.find(at);
  if (pos == text.npos) return {text, {}, false};
  return {text.substr(0, pos), text.substr(pos + 1), true};
}

bool starts_with_word(std::string_view text, std::string_view upper_word, std::string_view separators) {
  return text.size() > upper_word.size() && iequals(text.substr(0, upper_word.size()), upper_word) &&
         separators.find(text[upper_word.size()]) != separators.npos;
}

struct Mailbox {
  std::string_view local, domain;
};

// SRS0=hash=tt=domain=local@forwarder. Separators after the tag may be '=', '+' or '-'.
std::optional<Mailbox> unwrap_srs0(std::string_view local) {
  if (!starts_with_word(local, "SRS0", "=+-")) return std::nullopt;
  const auto hash = cut_at(local.substr(5), '=');
  const auto time = cut_at(hash.rest, '=');
  const auto domain = cut_at(time.rest, '=');
  if (!domain.found || domain.head.empty() || domain.rest.empty()) return std::nullopt;
  return Mailbox{domain.rest, domain.head};
}

// SRS1=hash=first-forwarder==hash=tt=domain=local@second-forwarder.
std::optional<Mailbox> unwrap_srs1(std::string_view local) {
  if (!starts_with_word(local, "SRS1", "=+-")) return std::nullopt;
  const auto hash = cut_at(local.substr(5), '=');
  const auto forwarder = cut_at(hash.rest, '=');
  if (!forwarder.found || forwarder.rest.size() < 2) return std::nullopt;
  const auto srs0 = forwarder.rest.substr(1);  // without its own separator
  const auto inner = cut_at(srs0, '=');
  const auto time = cut_at(inner.rest, '=');
  const auto domain = cut_at(time.rest, '=');
  if (!domain.found || domain.head.empty() || domain.rest.empty()) return std::nullopt;
  return Mailbox{domain.rest, domain.head};
}

// prvs=tag=local (BATV).
std::string_view without_prvs(std::string_view local) {
  if (!starts_with_word(local, "prvs", "=")) return local;
  const auto tag = cut_at(local.substr(5), '=');
  return tag.found && !tag.rest.empty() ? tag.rest : local;
}

// local-user=host, local+user=host: the VERP of "local" for user@host.
std::string_view without_verp(std::string_view local) {
  const auto equals = local.rfind('=');
  if (equals == local.npos || equals + 1 == local.size()) return local;
  const auto separator = local.find_last_of("-+", equals);
  const bool verp = separator != local.npos && separator > 0 && separator + 1 < equals;
  return verp ? local.substr(0, separator) : local;
}

}  // namespace

bool empty_is_known(std::optional<Attribute> attribute, ProtocolState state) {
  return !attribute || state == not_sent || (empty_known_at(*attribute) & bit(state)) != 0;
}

bool can_be_known(std::optional<Attribute> attribute, ProtocolState state) {
  return empty_is_known(attribute, state) || (without_value_at(*attribute) & bit(state)) == 0;
}

std::string_view localpart_of(std::string_view address) {
  return address.substr(0, std::min(find_last(address, '@'), address.size()));
}

std::string_view domain_of(std::string_view address) {
  const auto at = find_last(address, '@');
  return at == address.npos ? std::string_view{} : address.substr(at + 1);
}

std::string_view parent_of(std::string_view host) {
  if (host.starts_with('[') || iequals(host, "unknown") || parse_address(host)) return {};
  while (host.ends_with('.')) host.remove_suffix(1);
  return std::count(host.begin(), host.end(), '.') < 3 ? host : host.substr(host.find('.') + 1);
}

std::string_view normalized(std::string_view address, std::string_view delimiters, std::string& buffer) {
  Mailbox box{localpart_of(address), domain_of(address)};
  if (auto inner = unwrap_srs0(box.local)) box = *inner;
  else if ((inner = unwrap_srs1(box.local))) box = *inner;
  box.local = without_verp(without_prvs(box.local));
  const auto extension = box.local.find_first_of(delimiters);
  if (extension != box.local.npos && extension > 0) box.local = box.local.substr(0, extension);
  buffer.assign(box.local);
  if (address.find('@') != address.npos) buffer.append(1, '@').append(box.domain);
  return buffer;
}

std::optional<std::string_view> text_of(const Source& source, const Request& request, ProtocolState state,
                                        std::string_view recipient_delimiter, std::string& buffer) {
  const auto value = source.attribute ? request.get(*source.attribute) : request.get(source.name);
  if (!value) return std::nullopt;
  const bool empty = value->empty() || (source.attribute && zero_is_empty(*source.attribute) && *value == "0");
  if (empty && !empty_is_known(source.attribute, state)) return std::nullopt;
  switch (source.derivation) {
    case Derivation::none: return *value;
    case Derivation::localpart: return localpart_of(*value);
    case Derivation::domain: return domain_of(*value);
    case Derivation::parent: return parent_of(*value);
    case Derivation::normalized: return normalized(*value, recipient_delimiter, buffer);
  }
  return std::nullopt;
}

std::string_view exact_text(const Source& source, std::string_view value) {
  const bool is_sender = source.attribute == Attribute::sender &&
                         (source.derivation == Derivation::none || source.derivation == Derivation::normalized);
  return is_sender && value == "<>" ? std::string_view{} : value;
}

std::string_view domain_part(const Source& source, std::string_view text) {
  const auto at = find_last(text, '@');
  if (at != text.npos) return text.substr(at + 1);
  const bool is_address = source.derivation == Derivation::normalized ||
                          (source.derivation == Derivation::none &&
                           (source.attribute == Attribute::sender || source.attribute == Attribute::recipient));
  return is_address ? std::string_view{} : text;
}

}  // namespace policymux
