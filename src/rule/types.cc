#include "rule/types.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/text.h"

namespace policymux {
namespace {

using How = CompositeTest::How;

// Attributes whose tests are more than a search in text.
constexpr AclType special_attributes[] = {
    {.name = "client_address", .family = Family::address, .attribute = Attribute::client_address},
    {.name = "server_address", .family = Family::address, .attribute = Attribute::server_address},
    {.name = "size", .family = Family::number, .attribute = Attribute::size, .syntax = NumberSyntax::size},
    {.name = "recipient_count", .family = Family::number, .attribute = Attribute::recipient_count},
    {.name = "client_port", .family = Family::number, .attribute = Attribute::client_port},
    {.name = "encryption_keysize", .family = Family::number, .attribute = Attribute::encryption_keysize},
    {.name = "policy_context", .attribute = Attribute::policy_context, .is_context = true},
    {.name = "protocol_name", .attribute = Attribute::protocol_name, .is_context = true},
    {.name = "protocol_state", .attribute = Attribute::protocol_state, .is_context = true},
    {.name = "stress", .family = Family::stress, .attribute = Attribute::stress},
};

constexpr AclType derived_texts[] = {
    {.name = "sender_domain", .attribute = Attribute::sender, .derivation = Derivation::domain},
    {.name = "sender_localpart", .attribute = Attribute::sender, .derivation = Derivation::localpart},
    {.name = "recipient_domain", .attribute = Attribute::recipient, .derivation = Derivation::domain},
    {.name = "recipient_localpart", .attribute = Attribute::recipient, .derivation = Derivation::localpart},
    {.name = "helo_domain", .attribute = Attribute::helo_name, .derivation = Derivation::parent},
    {.name = "client_domain", .attribute = Attribute::client_name, .derivation = Derivation::parent},
    {.name = "reverse_client_domain", .attribute = Attribute::reverse_client_name, .derivation = Derivation::parent},
    {.name = "normalized_sender", .attribute = Attribute::sender, .derivation = Derivation::normalized},
};

constexpr AclType others[] = {
    {.name = "day", .family = Family::days},
    {.name = "time", .family = Family::times},
    {.name = "date", .family = Family::dates},
    {.name = "month", .family = Family::months},
    {.name = "any", .family = Family::composite, .how = How::any},
    {.name = "all", .family = Family::composite, .how = How::all},
    {.name = "none", .family = Family::composite, .how = How::none},
    {.name = "score", .family = Family::score},
    {.name = "tag", .family = Family::tag},
    {.name = "log", .family = Family::log},
};

// In the order of TextMatch and of OnError.
constexpr std::string_view text_matches = "regex|exact|domain|prefix|suffix|glob|substring";
constexpr std::string_view error_words = "unknown|match|nomatch";

constexpr FamilyOption on_error = {"on_error", error_words};
constexpr FamilyOption text_options[] = {{"match", text_matches}, {"case", "insensitive|sensitive"}, on_error};
constexpr FamilyOption calendar_options[] = {{"tz", {}}, on_error};
constexpr FamilyOption other_options[] = {on_error};

std::string_view nth_word(std::string_view words, std::size_t n) { return split_words(words, "|")[n]; }

std::vector<AclType> all_types() {
  std::vector<AclType> types{std::begin(special_attributes), std::end(special_attributes)};
  for (std::size_t i = 0; i < attribute_count; ++i) {
    const auto attribute = static_cast<Attribute>(i);
    const auto name = attribute_name(attribute);
    if (std::ranges::find(types, name, &AclType::name) == types.end()) {
      types.push_back({.name = name, .attribute = attribute});
    }
  }
  types.insert(types.end(), std::begin(derived_texts), std::end(derived_texts));
  types.insert(types.end(), std::begin(others), std::end(others));
  for (const auto& question : question_types()) {
    if (!question.is_verb) {
      types.push_back({.name = question.name, .family = Family::question, .question = question.kind});
    }
  }
  return types;
}

}  // namespace

std::span<const AclType> acl_types() {
  static const auto types = all_types();
  return types;
}

const AclType* find_acl_type(std::string_view name) {
  static const auto index = [] {
    std::unordered_map<std::string_view, const AclType*> types;
    for (const auto& type : acl_types()) types.emplace(type.name, &type);
    return types;
  }();
  const auto found = index.find(name);
  return found == index.end() ? nullptr : found->second;
}

std::optional<Source> find_source(std::string_view name) {
  const auto* type = find_acl_type(name);
  if (type == nullptr || !type->attribute) return std::nullopt;
  return type->source();
}

Source attribute_source(std::string_view name) {
  return {attribute_by_name(name), Derivation::none, std::string{name}};
}

std::span<const FamilyOption> family_options(Family family) {
  switch (family) {
    case Family::text: return text_options;
    case Family::days: case Family::times: case Family::dates: case Family::months: return calendar_options;
    default: return other_options;
  }
}

std::string_view to_string(TextMatch match) { return nth_word(text_matches, static_cast<std::size_t>(match)); }

std::string_view to_string(OnError what) { return nth_word(error_words, static_cast<std::size_t>(what)); }

std::string_view to_string(CompositeTest::How how) { return nth_word("any|all|none", static_cast<std::size_t>(how)); }

}  // namespace policymux
