#include "ask/question.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace policymux {
namespace {

using enum QuestionKind;

constexpr OptionType timeout = {"timeout", OptionForm::duration};
constexpr OptionType key = {"key", OptionForm::source};
constexpr OptionType hits = {"hits", OptionForm::number, "all"};
constexpr OptionType result = {"result", OptionForm::addresses};
constexpr OptionType limit = {.name = "limit", .form = OptionForm::limits, .required = true};
constexpr OptionType count = {"count", OptionForm::word, "messages|recipients|bytes"};

constexpr OptionType rbl_options[] = {hits, result, timeout};
constexpr OptionType rhsbl_options[] = {key, hits, result, timeout};
constexpr OptionType dns_options[] = {
    key, {.name = "mx_in", .form = OptionForm::addresses, .suffices = true},
    {.name = "ns_in", .form = OptionForm::addresses, .suffices = true}, timeout};
constexpr OptionType spf_options[] = {{"identity", OptionForm::word, "mailfrom|helo|both"}, timeout};
constexpr OptionType key_only[] = {key};
constexpr OptionType table_options[] = {key, timeout};
constexpr OptionType greylisting_options[] = {
    {"delay", OptionForm::duration},       {"window", OptionForm::duration}, {"lifetime", OptionForm::duration}, key,
    {"autowhitelist", OptionForm::number, "no"}};
constexpr OptionType counting_options[] = {key, limit, count};
constexpr OptionType distinct_options[] = {
    key, limit, {.name = "of", .form = OptionForm::source, .words = "country", .required = true}};
constexpr OptionType timeout_only[] = {timeout};

constexpr std::string_view list_fields[] = {"list", "text", "address"};
constexpr std::string_view dns_fields[] = {"name", "text"};
constexpr std::string_view spf_fields[] = {"result", "domain", "text", "header"};
constexpr std::string_view country_fields[] = {"country"};
constexpr std::string_view asn_fields[] = {"asn", "organization"};
constexpr std::string_view table_fields[] = {"value"};
constexpr std::string_view greylisting_fields[] = {"seconds_left", "first_seen"};
constexpr std::string_view limit_fields[] = {"limit", "count", "window", "seconds_left"};
constexpr std::string_view answer_fields[] = {"answer"};
constexpr std::string_view policy_fields[] = {"action"};

constexpr std::string_view dns_words = "has_mx|has_a|has_ptr|nxdomain|fcrdns|null_mx";
constexpr std::string_view spf_words = "pass|fail|softfail|neutral|none|temperror|permerror";

// In the order of QuestionKind.
constexpr QuestionType rows[] = {
    {.kind = rbl, .name = "rbl", .conduct = Conduct::reading, .values = ValueForm::hosts,
     .options = rbl_options, .fields = list_fields, .default_key = "client_address"},
    {.kind = rhsbl, .name = "rhsbl", .conduct = Conduct::reading, .values = ValueForm::hosts,
     .options = rhsbl_options, .fields = list_fields, .default_key = "sender_domain"},
    {.kind = dns, .name = "dns", .conduct = Conduct::reading, .values = ValueForm::words, .value_words = dns_words,
     .options = dns_options, .fields = dns_fields},
    {.kind = spf, .name = "spf", .conduct = Conduct::reading, .values = ValueForm::words, .value_words = spf_words,
     .options = spf_options, .fields = spf_fields},
    {.kind = country, .name = "country", .conduct = Conduct::reading, .values = ValueForm::countries,
     .options = key_only, .fields = country_fields, .default_key = "client_address"},
    {.kind = asn, .name = "asn", .conduct = Conduct::reading, .values = ValueForm::systems,
     .options = key_only, .fields = asn_fields, .default_key = "client_address"},
    {.kind = table, .name = "table", .conduct = Conduct::reading, .values = ValueForm::name_and_patterns,
     .options = table_options, .fields = table_fields, .default_key = "sender"},
    {.kind = greylisting, .name = "greylisting", .conduct = Conduct::acting, .values = ValueForm::greylisting,
     .options = greylisting_options, .fields = greylisting_fields},
    {.kind = rate, .name = "rate", .conduct = Conduct::acting,
     .options = counting_options, .fields = limit_fields, .default_key = "client_address"},
    {.kind = quota, .name = "quota", .conduct = Conduct::acting,
     .options = counting_options, .fields = limit_fields, .default_key = "sender"},
    {.kind = distinct, .name = "distinct", .conduct = Conduct::acting,
     .options = distinct_options, .fields = limit_fields, .default_key = "sasl_username"},
    {.kind = service, .name = "service", .conduct = Conduct::acting, .values = ValueForm::name_and_patterns,
     .fields = answer_fields},
    {.kind = lua, .name = "lua", .conduct = Conduct::acting, .values = ValueForm::functions,
     .options = timeout_only, .fields = answer_fields},
    {.kind = learn, .name = "learn", .conduct = Conduct::acting, .is_verb = true, .values = ValueForm::text},
    {.kind = policy, .name = "policy", .conduct = Conduct::acting, .is_verb = true, .values = ValueForm::text,
     .fields = policy_fields},
};

}  // namespace

std::span<const QuestionType> question_types() { return rows; }

const QuestionType& question_type(QuestionKind kind) { return rows[static_cast<std::size_t>(kind)]; }

std::span<const std::string> Definition::patterns() const {
  const bool has_name = question_type(kind).values == ValueForm::name_and_patterns && !values.empty();
  return has_name ? std::span{values}.subspan(1) : std::span<const std::string>{};
}

std::optional<std::size_t> word_index(std::string_view word, std::string_view words) {
  const auto list = split_words(words, "|");
  const auto found = std::ranges::find(list, word);
  if (found == list.end()) return std::nullopt;
  return static_cast<std::size_t>(found - list.begin());
}

}  // namespace policymux
