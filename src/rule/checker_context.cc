#include "rule/checker_context.h"

#include <algorithm>

#include "base/text.h"
#include "rule/types.h"

namespace policymux {
namespace {

constexpr std::string_view attribute_prefix = "attribute:";

std::vector<std::string_view> source_names() {
  std::vector<std::string_view> names;
  for (const auto& type : acl_types()) {
    if (type.attribute) names.push_back(type.name);
  }
  return names;
}

}  // namespace

void CheckerContext::error(const Origin& at, std::string_view value, Flaw flaw) {
  if (at.list) report.error_in_list(at.place, *at.list, at.line, value, std::move(flaw));
  else report.error(at.place, std::move(flaw));
}

bool CheckerContext::may_be_attribute(std::string_view name, const Place& at, std::span<const std::string_view> known,
                                      std::string_view what) {
  if (warned_attributes_.contains(name)) return true;
  if (const auto meant = nearest(to_lower(name), known)) {
    report.error(at, {"unknown " + std::string{what} + ' ' + in_quotes(name), did_you_mean(*meant)});
    return false;
  }
  if (auto flaw = flaw_of_name(name)) {
    report.error(at, *std::move(flaw));
    return false;
  }
  report.warning(at, {"unknown " + std::string{what} + ' ' + in_quotes(name) + ": taken as an attribute of that name",
                      "attribute:" + std::string{name} + " says that it is one"});
  warned_attributes_.emplace(name);
  return true;
}

std::optional<Source> CheckerContext::source_named(std::string_view name, const Place& at,
                                                   std::span<const std::string_view> also) {
  static const auto sources = source_names();
  if (name.starts_with(attribute_prefix)) {
    const auto attribute = name.substr(attribute_prefix.size());
    auto flaw = flaw_of_name(attribute);
    if (!flaw) return attribute_source(attribute);
    report.error(at, *std::move(flaw));
    return std::nullopt;
  }
  if (auto source = find_source(name)) return source;
  if (find_acl_type(name) != nullptr) {
    report.error(at, {in_quotes(name) + " is a type of acl, not an attribute"});
    return std::nullopt;
  }
  auto known = sources;
  known.insert(known.end(), also.begin(), also.end());
  if (!may_be_attribute(name, at, known, "attribute")) return std::nullopt;
  return attribute_source(name);
}

std::optional<std::uint32_t> CheckerContext::acl_named(std::string_view name, const Origin& at) {
  const auto acl = acls.find(name);
  if (!acl) error(at, name, {"unknown acl " + in_quotes(name), acls.hint(name)});
  return acl;
}

bool CheckerContext::check_built_in(QuestionKind kind, std::string_view what, const Place& at,
                                    std::string_view consequence) {
  if (std::ranges::find(options.built_in, kind) != options.built_in.end()) return true;
  warn_not_built_in(what, at, consequence);
  return false;
}

void CheckerContext::warn_not_built_in(std::string_view what, const Place& at, std::string_view consequence) {
  warn_once(at, std::string{what} + " is not built in: " + std::string{consequence});
}

void CheckerContext::warn_once(const Place& at, std::string text) {
  if (warnings_.emplace(text).second) report.warning(at, {std::move(text)});
}

void CheckerContext::check_listed(const std::optional<std::vector<std::string>>& names, std::string_view what,
                                  std::string_view name, const Origin& at) {
  if (!names || std::ranges::find(*names, name) != names->end()) return;
  const std::vector<std::string_view> known{names->begin(), names->end()};
  const auto meant = nearest(name, known);
  error(at, name, {"main.conf has no " + std::string{what} + ' ' + in_quotes(name), meant ? did_you_mean(*meant) : ""});
}

}  // namespace policymux
